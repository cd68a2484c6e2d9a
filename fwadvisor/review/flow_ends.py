"""The two sides of a flow: addresses, names of addresses, and ports."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fwadvisor.addresses import PREDEFINED, AddressTextError, Range, from_ranges, parse_addresses, predefined
from fwadvisor.diagnostic import did_you_mean
from fwadvisor.model.address import AddressSet
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.ports.facts import PROTOCOL_NUMBERS
from fwadvisor.review.flow_scan import WORD, Language, Scanner
from fwadvisor.review.flows import End

SELF, ANY = "self", "any"
_NAME = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_.]|-(?!>))*")
_LITERAL = re.compile(r"(?:[0-9A-Fa-f:.*]|-(?!>))+")
_PREFIX = re.compile(r"/[0-9]+")
_PORT = re.compile(r"(?:[A-Za-z0-9_.+]|-(?!>))+")


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that may still have names: their pieces with their places."""

    pieces: tuple[tuple[str, int], ...]


class Ends(Scanner):
    """Reads the sides of a flow. Ports with names wait in `named_ports` for the protocol, which comes last."""

    def __init__(self, text: str, language: Language, file: str, line: int, start: int, stop: int) -> None:
        super().__init__(text, language, file, line, start, stop)
        self.named_ports: dict[int, Ports] = {}

    def end(self) -> End:
        """One side: names or addresses, and ports."""
        self.skip()
        start = self.at
        ranges: list[Range] = []
        sets: list[AddressSet] = []
        own = everybody = False
        while True:
            self.skip()
            found = self._address()
            if isinstance(found, AddressSet):
                sets.append(found)
            elif isinstance(found, str):
                own, everybody = own or found == SELF, everybody or found == ANY
            else:
                ranges.append(found)
            if not self.next(","):
                break
            self.at += 1
        if (own or everybody) and (ranges or sets or (own and everybody)):
            word = SELF if own else ANY
            raise self.problem(f'"{word}" stands alone on its side', start, length=self.at - start)
        addresses = from_ranges(ranges) if ranges else None
        for each in sets:
            addresses = each if addresses is None else addresses.union(each)
        if own:
            addresses = self.language.names.get(SELF)
        if self.next(":"):
            self.at += 1
            self.named_ports[start] = self._ports()
        # Until they are resolved, () says that there are ports.
        return End(addresses, own, () if start in self.named_ports else None)

    def _address(self) -> str | AddressSet | Range:
        at = self.at
        if self.next("["):
            return self._bracketed()
        literal = _LITERAL.match(self.text, at, self.stop)
        text = literal[0] if literal else ""
        # Letters a to f begin names and IPv6 addresses.
        if text and (text.count(":") > 1 or text[0].isdigit() or text[0] in ":.*"):
            return self._literal(text)
        name = self.take(_NAME)
        if not name:
            found = self.take(WORD)
            what = f', but found "{found}"' if found else ", but nothing is there"
            hint = "an address, a network as 192.0.2.0/24, self, any"
            raise self.problem(f"an address is expected{what}", min(at, max(0, self.stop - 1)), hint, len(found))
        return self._named(name, at)

    def _named(self, name: str, at: int) -> str | AddressSet:
        if name in (SELF, ANY):
            return name
        if name in self.language.names:
            return self.language.names[name]
        if name in PREDEFINED:
            return predefined(name)
        known = (SELF, *PREDEFINED, *self.language.names)
        if "." in name:
            hint = "host names are not looked up; write the addresses they stand for"
        else:
            hint = did_you_mean(name, known) or f"the names are {', '.join(dict.fromkeys(known))}"
        raise self.problem(f'no addresses are called "{name}"', at, hint, len(name))

    def _bracketed(self) -> Range:
        at = self.at
        close = self.text.find("]", at, self.stop)
        if close < 0:
            raise self.problem('"[" is not closed', at, "an IPv6 address with a port is written [2001:db8::1]:1720")
        inner = self.text[at + 1 : close]
        self.at = close + 1
        return self._parsed(inner + self._prefix(), at, self.at - at)

    def _literal(self, text: str) -> Range:
        at = self.at
        if text.count(":") < 2:
            text = text.partition(":")[0]
        self.at += len(text)
        return self._parsed(text + self._prefix(), at, self.at - at)

    def _prefix(self) -> str:
        """``/24``; a letter after the slash is a protocol."""
        found = _PREFIX.match(self.text, self.at, self.stop)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _parsed(self, text: str, at: int, length: int) -> Range:
        try:
            return parse_addresses(text)
        except AddressTextError as problem:
            hint = problem.hint
            head, colon, port = text.rpartition(":")
            if colon and port.isdecimal() and not hint and head.count(":") > 1:
                hint = f"an IPv6 address with a port is written [{head}]:{port}"
            raise self.problem(str(problem), at, hint, length) from None

    def _ports(self) -> Ports:
        pieces = []
        while True:
            self.skip()
            at = self.at
            piece = self.take(_PORT)
            if not piece:
                raise self.problem("a port is expected", min(at, max(0, self.stop - 1)), "a number, a range, a service")
            pieces.append((piece, at))
            if not self.next(","):
                return Ports(tuple(pieces))
            self.at += 1

    def resolved(self, ports: Ports, protocols: tuple[int, ...]) -> Intervals:
        """The numbers of ports, of which some may be names of services."""
        ranges: list[tuple[int, int]] = []
        for text, at in ports.pieces:
            first, dash, last = text.partition("-")
            if first.isdecimal() or "." in text:
                low, high = (
                    self._port(first, at),
                    self._port(last if dash else first, at + (len(first) + 1) * bool(dash)),
                )
                if high < low:
                    raise self.problem(f'range "{text}" ends before it begins', at, f"write {last}-{first}", len(text))
                ranges.append((low, high))
            else:
                ranges += self._service(text, at, protocols)
        return normalize(ranges)

    def _port(self, text: str, at: int) -> int:
        if not text.isdecimal() or len(text) > 5 or int(text) > 65535:
            hint = "ports come last: 192.0.2.1,192.0.2.2:443" if "." in text else "a port is a number from 0 to 65535"
            raise self.problem(f'"{text}" is no port', at, hint, len(text))
        return int(text)

    def _service(self, name: str, at: int, protocols: tuple[int, ...]) -> Iterable[tuple[int, int]]:
        """The numbers of a service: by the port database, then by IANA's names."""
        database = self.language.database
        transports = [transport for transport, number in PROTOCOL_NUMBERS.items() if number in protocols]
        port = database.ports.get(name.lower())
        known = [each for transport in transports for each in port.match.get(transport, ())] if port else []
        if not known:
            entries = database.registry.named(name)
            known = [(each.first, each.last) for each in entries if set(transports) & set(each.transports)]
        if known:
            return known
        said = ", ".join(transports)
        if port or database.registry.named(name):
            raise self.problem(f'service "{name}" is not registered for {said}', at, length=len(name))
        hint = did_you_mean(name, [*database.ports, *database.registry.names()]) or "write its number"
        raise self.problem(f'no service is called "{name}"', at, hint, len(name))
