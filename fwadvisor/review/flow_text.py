"""The language of flows: ``203.0.113.5 -> self:1720/tcp in eth0 established``.

    flow      := end "->" end [protocol] word*
    end       := name {"," name} [":" ports]        name: address, network, range, any, self, internet, ...
    protocol  := "/" protocols  or the same as a word
    word      := in NAME | out NAME | state | related to HELPER | flags LIST | mark N | when "CONDITION" | ...

`docs/flows.md` has it all. One scanner (`flow_scan`), recursive descent (`flow_ends`, `flow_words`); each problem has
its place and what would have been right.
"""

from __future__ import annotations

from collections.abc import Iterable

from fwadvisor.diagnostic import Span
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.evaluate import WITH_PORTS
from fwadvisor.model.firewall import Field
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, Hook, State
from fwadvisor.profile.flows import ICMP_TYPES
from fwadvisor.review.flow_scan import Language
from fwadvisor.review.flow_words import Said, Words
from fwadvisor.review.flows import LOOPBACK_ADDRESSES, End, Flow

ARROW = "->"


def parse_flow(
    text: str, language: Language, file: str = "--flow", line: int = 1, start: int = 0, end: int = -1
) -> Flow:
    """The flow that stands in `text` from `start` to `end`.

    Raises:
        FwadvisorError: it is none, with the place and what was expected.
    """
    return _Parser(text, language, file, line, start, len(text) if end < 0 else end).flow()


def parse_names(text: str, language: Language, file: str, line: int, start: int = 0, end: int = -1) -> AddressSet:
    """A list of addresses and names of addresses, as a definition has it.

    Raises:
        FwadvisorError: it is none.
    """
    parser = _Parser(text, language, file, line, start, len(text) if end < 0 else end)
    found = parser.end()
    parser.nothing_follows("a list of addresses")
    if found.addresses is None or found.ports is not None:
        raise parser.problem("a name stands for addresses", start, "such as  peers = 203.0.113.0/24, 2001:db8::/48")
    return found.addresses


class _Parser(Words):
    """Reads one flow."""

    def flow(self) -> Flow:
        """The whole flow."""
        source = self.end()
        self.skip()
        if not self.next(ARROW):
            raise self._no_arrow()
        self.at += len(ARROW)
        destination = self.end()
        said = Said()
        if self.next("/"):
            self.at += 1
            self.protocols(said)
        while self.word(said):
            pass
        return self._made(source, destination, said)

    def _no_arrow(self) -> FwadvisorError:
        rest = self.text[self.at : self.stop].strip()
        usual = "a flow is written  203.0.113.5 -> self:1720/tcp"
        if not rest:
            return self.problem(f'"{ARROW}" and where the packets go are missing', max(0, self.at - 1), usual)
        hint = f'write "{ARROW}"' if rest[0] in "=>→-" else usual
        return self.problem(f'"{ARROW}" is expected', self.at, hint)

    def _made(self, source: End, destination: End, said: Said) -> Flow:
        hook = self._hook_of(source, destination, said)
        numbers = tuple(dict.fromkeys(number for _, number in said.protocols))
        self._check_protocol(destination, said, numbers)
        ends = [
            End(end.addresses, end.own, None if end.ports is None else self.resolved(self.named_ports[start], numbers))
            for end, start in zip((source, destination), self._order(source, destination), strict=True)
        ]
        states = said.states if said.states is not None else (State.NEW,)
        families, icmp = self._families(ends, said, numbers)
        if Field.TCP_FLAGS in said.integers and numbers != (TCP,):
            raise self.problem("only TCP has flags", said.places["flags"], "add /tcp", 5)
        interfaces = self._interfaces(ends, said, hook)
        return Flow(
            text=" ".join(self.text[self.start : self.stop].split()),
            span=self._span(),
            hook=hook,
            families=families,
            source=ends[0],
            destination=ends[1],
            protocols=tuple(ICMP if icmp is not None and number == ICMPV6 else number for number in numbers),
            icmp=icmp,
            states=states,
            helper=said.helper,
            in_interface=interfaces.get("in"),
            out_interface=interfaces.get("out"),
            broadcast=said.broadcast,
            integers=said.integers,
            conditions=said.conditions,
        )

    def _span(self) -> Span:
        end = len(self.text[: self.stop].rstrip())
        return Span(self.file, self.line, self.start + 1, max(1, end - self.start), self.text)

    def _order(self, source: End, destination: End) -> tuple[int, int]:
        """Where the ports of each end are kept; -1 where it has none."""
        starts = iter(sorted(self.named_ports))
        first = next(starts) if source.ports is not None else -1
        return first, next(starts) if destination.ports is not None else -1

    def _hook_of(self, source: End, destination: End, said: Said) -> Hook:
        if source.own and destination.own:
            hint = "packets over loopback are written  127.0.0.1 -> self:53/udp  or  self -> 127.0.0.1:53/udp"
            raise self.problem("both sides are this machine", self.start, hint)
        derived = Hook.INPUT if destination.own else Hook.OUTPUT if source.own else None
        hook = said.hook or derived or Hook.FORWARD
        if derived is not None and hook is not derived:
            message = f'"{hook}" does not fit: with self on that side it is {derived}'
            raise self.problem(message, said.places["hook"], length=len(hook))
        for word, wrong in (("in", Hook.OUTPUT), ("out", Hook.INPUT)):
            if word in said.interfaces and hook is wrong:
                what = "leaves the machine itself" if word == "in" else "ends at the machine"
                message = f'a packet of {hook} {what}, so it has no interface "{word}"'
                raise self.problem(message, said.places[word], length=len(word))
        return hook

    def _check_protocol(self, destination: End, said: Said, numbers: tuple[int, ...]) -> None:
        ported = next((ports.pieces[0] for ports in self.named_ports.values()), None)
        last = max(self.start, len(self.text[: self.stop].rstrip()) - 1)
        if not numbers:
            if ported is not None:
                raise self.problem("the protocol of the ports is missing", last, "add /tcp or /udp")
            if self.language.exact:
                hint = "add /tcp or /udp after the port, /icmp, or another protocol"
                raise self.problem("the protocol is missing", last, hint)
            return
        wrong = next((name for name, number in said.protocols if number not in WITH_PORTS), None)
        if wrong is not None and ported is not None:
            text, at = ported
            raise self.problem(f"{wrong} has no ports", at, "leave the port out", len(text))
        if wrong is None and self.language.exact and destination.ports is None:
            name = said.protocols[0][0]
            raise self._no_port(name, said.places.get("protocol", last))

    def _no_port(self, name: str, at: int) -> FwadvisorError:
        hint = f"write the destination as  self:443/{name}"
        head, colon, port = self.text[: max(0, at - 1)].rpartition(":")
        if colon and port.isdecimal() and head.count(":") > 1 and "[" not in head[head.rfind(ARROW) :]:
            hint = f"an IPv6 address with a port stands in brackets: [2001:db8::1]:{port}/{name}"
        return self.problem(f"the port of {name} is missing", at, hint, len(name))

    def _families(
        self, ends: Iterable[End], said: Said, numbers: tuple[int, ...]
    ) -> tuple[tuple[Family, ...], dict[Family, Intervals] | None]:
        left = set(FAMILIES if said.family is None else {said.family})
        for end in ends:
            if end.addresses is not None:
                left &= set(end.addresses.families())
        if not left:
            raise self.problem("the two sides are of different IP versions", self.start, "one flow is IPv4 or IPv6")
        words = {name for name, number in said.protocols if number in (ICMP, ICMPV6) and not name.isdecimal()}
        icmp: dict[Family, Intervals] | None = None
        if words:
            if len(numbers) > 1:
                raise self.problem("ICMP stands alone", said.places["protocol"], "ask about each protocol by itself")
            if words != {"icmp"}:
                left &= {Family.IPV6}
            icmp = {
                family: types for family in FAMILIES if family in left and (types := self._types(family, said.icmp))
            }
            left &= set(icmp)
            if not left:
                at = said.places.get("icmp", said.places["protocol"])
                hint = "icmp is the ICMP of either IP version, icmpv6 that of IPv6"
                raise self.problem("no IP version of the flow has such ICMP", at, hint, len(said.protocols[0][0]))
        return tuple(family for family in FAMILIES if family in left), icmp

    def _types(self, family: Family, texts: list[str]) -> Intervals:
        if not texts:
            return ((0, 65535),)
        named = ICMP_TYPES[ICMP if family is Family.IPV4 else ICMPV6]
        ranges = []
        for text in texts:
            if text in named:
                kind, code = named[text]
            elif text[0].isdecimal():
                first, slash, last = text.partition("/")
                kind, code = int(first), int(last) if slash else None
            else:
                continue
            if kind < 256 and (code or 0) < 256:
                ranges.append((kind * 256 + (code or 0), kind * 256 + (255 if code is None else code)))
        return normalize(ranges)

    def _interfaces(self, ends: list[End], said: Said, hook: Hook) -> dict[str, str]:
        """The interfaces; what has a loopback address on one side never leaves the machine."""
        found = dict(said.interfaces)
        inside = [each.addresses for each in ends if each.addresses is not None]
        if hook is not Hook.FORWARD and not found and any(LOOPBACK_ADDRESSES.covers(each) for each in inside):
            found["in" if hook is Hook.INPUT else "out"] = LOOPBACK
        return found
