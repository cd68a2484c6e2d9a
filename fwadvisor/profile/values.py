"""Typed values of parameters, and the reader that puts them where ``$name`` stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from fwadvisor.addresses import PREDEFINED, AddressTextError, Range, from_ranges, parse_addresses, predefined
from fwadvisor.decode import Document, Mapping, Node, Reader, Scalar, Sequence, describe
from fwadvisor.decode.reader import suggestion
from fwadvisor.diagnostic import did_you_mean
from fwadvisor.model.address import FAMILIES, AddressSet
from fwadvisor.model.interval import Intervals, normalize

if TYPE_CHECKING:
    from fwadvisor.profile.parameters import Parameter

T = TypeVar("T")


class Type(StrEnum):
    """What a parameter holds."""

    ADDRESSES = "addresses"
    INTERFACES = "interfaces"
    PORTS = "ports"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Value:
    """What a parameter is in one run; `data` is of the Python type that belongs to `type`."""

    type: Type
    data: Any
    text: str


_INTERFACE = re.compile(r"[^\s,;'\"`$\\|&<>(){}\[\]!*?#%^~/]+( [^\s,;'\"`$\\|&<>(){}\[\]!*?#%^~/]+)*")
_LONGEST_INTERFACE = 64


class ProfileReader(Reader):
    """A reader that knows the parameters of one use of a profile.

    `values` holds None for an optional parameter without value; such a field reads as if it were not
    written, where that is safe. `lenient` keeps silent about missing values (a statement whose condition
    does not hold is still checked for everything else).
    """

    def __init__(self, document: Document, service_ports: Callable[[str, str], Intervals]) -> None:
        super().__init__(document)
        self.declared: dict[str, Parameter] = {}
        self.values: dict[str, Value | None] = {}
        #: Parameters whose declaration or value is wrong, so that their uses add no further errors.
        self.broken: set[str] = set()
        self.lenient = False
        #: How often a value was left out because of a problem that is reported elsewhere.
        self.silent = 0
        #: Ports of a service name for a transport; raises ValueError with advice.
        self.service_ports = service_ports

    # parameters

    def parameter(self, node: Node) -> str:
        """The name of the parameter that a node stands for, or "" for anything else."""
        if isinstance(node, Scalar) and node.text.startswith("$") and not node.text.startswith("$$"):
            return node.text[1:]
        return ""

    def value(self, node: Node, name: str, what: str, *types: Type) -> Value | None:
        """The value of a parameter at a place where certain types make sense."""
        parameter = self.declared.get(name)
        if name in self.broken:
            self.silent += 1
            return None
        if parameter is None:
            hint = suggestion(name, self.declared, "the parameters are") or "declare it under parameters:"
            self.error(node, f'there is no parameter "{name}"', hint)
            return None
        if types and parameter.type not in types:
            wanted = " or ".join(types)
            self.error(
                node, f'{what} takes {wanted}, but the parameter "{name}" is of type {parameter.type}', "",
                self.label(parameter.node, "declared here"),
            )  # fmt: skip
            return None
        found = self.values.get(name)
        if found is None:
            self.silent += 1
        if found is None and not self.lenient and parameter.optional:
            hint = f"add  when: {{{name}: given}}  to the statement, or give the parameter a default"
            self.error(node, f'{what} uses the parameter "{name}", which has no value in this run', hint)
        return found

    def absent(self, node: Node) -> bool:
        """Whether a node is a declared parameter without value, so that its field counts as not written."""
        name = self.parameter(node)
        if name in self.broken:
            self.silent += 1
            return True
        if name:
            return name in self.declared and self.values.get(name) is None
        if isinstance(node, Sequence) and node.children:
            return all(isinstance(child, Scalar) and self.absent(child) for child in node.children)
        return False

    def written(self, fields: dict[str, Node], *names: str) -> list[tuple[str, Node]]:
        """Those of the named fields that are written and not absent."""
        return [(name, fields[name]) for name in names if name in fields and not self.absent(fields[name])]

    # typed reading with parameters

    def text(self, node: Node, what: str) -> str | None:
        """A text; ``$$`` at its beginning stands for a dollar sign."""
        name = self.parameter(node)
        if name and re.fullmatch(r"[a-z][a-z0-9_-]*", name):
            found = self.value(node, name, what)
            return None if found is None else found.text
        plain = super().text(node, what)
        return plain[1:] if plain is not None and plain.startswith("$$") else plain

    def boolean(self, node: Node, what: str) -> bool | None:
        """True or false, or a parameter that is."""
        return self._of(node, what, super().boolean, Type.BOOLEAN)

    def date(self, node: Node, what: str) -> date | None:
        """A day, or a parameter that is one."""
        return self._of(node, what, super().date, Type.DATE)

    def integer(self, node: Node, what: str, low: int = 0, high: int | None = None) -> int | None:
        """A whole number between limits, or a parameter that is one."""
        name = self.parameter(node)
        if not name:
            return super().integer(node, what, low, high)
        found = self.value(node, name, what, Type.INTEGER)
        if found is None:
            return None
        value: int = found.data
        if value < low or (high is not None and value > high):
            self.error(node, f'{what} cannot be {value}, the value of the parameter "{name}"')
            return None
        return value

    def _of(self, node: Node, what: str, plain: Callable[[Node, str], T | None], type: Type) -> T | None:
        name = self.parameter(node)
        if not name:
            return plain(node, what)
        found = self.value(node, name, what, type)
        return None if found is None else found.data

    def word(self, node: Node, what: str, known: Collection[str]) -> str | None:
        """One of the known words, or a parameter whose every choice is one."""
        name = self.parameter(node)
        if not name:
            return super().word(node, what, known)
        found = self.value(node, name, what, Type.CHOICE, Type.TEXT)
        if found is None:
            return None
        for word in (found.text, *self.declared[name].choices):
            if word not in known:
                hint = suggestion(word, known, "it is one of")
                self.error(node, f'{what} cannot be "{word}", which the parameter "{name}" allows', hint)
                return None
        return found.text

    def words(self, node: Node, what: str, known: Collection[str]) -> tuple[str, ...]:
        """One or more of the known words."""
        found: list[str] = []
        for child in self.one_or_more(node, what):
            if self.absent(child):
                continue
            word = self.word(child, what, known)
            if word is not None and word not in found:
                found.append(word)
        return tuple(found)

    # addresses, interfaces, ports

    def addresses(self, node: Node, what: str) -> AddressSet | None:
        """One or more addresses, networks, ranges, predefined names or parameters as a set."""
        ranges: list[Range] = []
        good = True
        for child in self.one_or_more(node, what):
            if not isinstance(child, Scalar):
                self.error(child, f"{what}: an address is expected, but found {describe(child)}")
                good = False
                continue
            try:
                ranges.append(parse_addresses(child.text))
            except AddressTextError as problem:
                named = self._named_addresses(child, what, problem)
                good = good and named is not None
                ranges += named or ()
        return from_ranges(ranges) if good and ranges else None

    def _named_addresses(self, node: Scalar, what: str, problem: AddressTextError) -> list[Range] | None:
        name = self.parameter(node)
        if name:
            if self.absent(node) and self.declared[name].type is Type.ADDRESSES:
                return []
            value = self.value(node, name, what, Type.ADDRESSES)
            return None if value is None else _ranges(value.data)
        if node.text in PREDEFINED:
            return _ranges(predefined(node.text))
        if "," in node.text:
            self.error(node, f'{what}: "{node.text}" is no address', "write several addresses as a list: [a, b]")
            return None
        hint = did_you_mean(node.text, PREDEFINED) if node.text.isalpha() else ""
        self.error(node, f"{what}: {problem}", hint or problem.hint)
        return None

    def interfaces(self, node: Node, what: str) -> tuple[str, ...]:
        """One or more interface names."""
        found: list[str] = []
        for child in self.one_or_more(node, what):
            name = self.parameter(child)
            if name:
                if not self.absent(child):
                    value = self.value(child, name, what, Type.INTERFACES)
                    found += value.data if value is not None else ()
                continue
            scalar = self.scalar(child, what)
            if scalar is None:
                continue
            if not _INTERFACE.fullmatch(scalar.text) or len(scalar.text) > _LONGEST_INTERFACE:
                self.error(child, f"{what}: {describe(child)} cannot be the name of an interface")
            else:
                found.append(scalar.text)
        return tuple(dict.fromkeys(found))

    def ports(self, node: Node, what: str, transports: Iterable[str] = ()) -> Intervals | None:
        """One or more ports, ranges and parameters; service names where the transports are known."""
        found: list[tuple[int, int]] = []
        good = True
        for child in self.one_or_more(node, what):
            scalar = self.scalar(child, what)
            if scalar is None:
                return None
            try:
                found += self.port_list(scalar, scalar.text, what, transports)
            except ValueError as problem:
                self.error(child, f"{what}: {problem}", getattr(problem, "hint", ""))
                good = False
        return normalize(found) if good and found else None

    def port_list(self, node: Node, text: str, what: str, transports: Iterable[str] = ()) -> Intervals:
        """Ports written as ``5000-5010,6000``, each part maybe a parameter or a service name.

        Raises:
            PortTextError: a part cannot be read. Wrong parameters are reported at the node, with () as result.
        """
        found: list[tuple[int, int]] = []
        for part in text.split(","):
            part = part.strip()
            if part.startswith("$"):
                value = self.value(node, part[1:], what, Type.PORTS, Type.INTEGER)
                if value is not None and value.type is Type.INTEGER:
                    found.append(_port_range(str(value.data)))
                elif value is not None:
                    found += value.data
            elif part[:1].isdigit() or not part or part[:1] == "-":
                found.append(_port_range(part))
            else:
                found += self._service(part, tuple(transports))
        return normalize(found)

    def _service(self, name: str, transports: tuple[str, ...]) -> Intervals:
        if not transports:
            raise PortTextError(f'"{name}" is not a port', "write a number or a range, such as 443 or 5000-5010")
        return normalize(r for transport in transports for r in self.service_ports(name, transport))


class PortTextError(ValueError):
    """A text that is no port or range of ports; `hint` says what to write instead, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _port_range(text: str) -> tuple[int, int]:
    first, dash, last = (part.strip() for part in text.partition("-"))
    low = _port(first, text)
    high = _port(last, text) if dash else low
    if high < low:
        raise PortTextError(f"the range {text} ends before it begins", f"write {high}-{low}")
    return low, high


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        message = f'"{whole}" is not a port or a range of ports' if whole else "a port is missing"
        hint = f'write "tcp {text.split("/")[0]}"' if re.fullmatch(r"\d+/tcp", text) else "such as 443 or 5000-5010"
        raise PortTextError(message, hint)
    if len(text) > 1 and text[0] == "0":
        raise PortTextError(f"port {text} has leading zeros", f"write {int(text)}" if len(text) < 9 else "")
    if text == "0":
        raise PortTextError("port 0 cannot be used", "ports are 1 to 65535")
    if len(text) > 5 or int(text) > 65535:
        raise PortTextError(f"port {text} is too large", "ports are 1 to 65535")
    return int(text)


def _ranges(addresses: AddressSet) -> list[Range]:
    return [(family, first, last) for family in FAMILIES for first, last in addresses.of(family)]


def parse_value(reader: ProfileReader, parameter: Parameter, node: Node) -> Value | None:
    """A node as a value of a parameter's type; problems go to the reader."""
    what = f'the value of "{parameter.name}"'
    if isinstance(node, Mapping):
        reader.error(node, f"{what} is {_article(parameter.type)}, but found a mapping")
        return None
    parsers: dict[Type, Callable[[], Any]] = {
        Type.ADDRESSES: lambda: reader.addresses(node, what),
        Type.INTERFACES: lambda: reader.interfaces(node, what) or None,
        Type.PORTS: lambda: reader.ports(node, what),
        Type.INTEGER: lambda: reader.integer(node, what, parameter.minimum, parameter.maximum),
        Type.BOOLEAN: lambda: reader.boolean(node, what),
        Type.CHOICE: lambda: reader.word(node, what, parameter.choices),
        Type.TEXT: lambda: reader.text(node, what),
        Type.DATE: lambda: reader.date(node, what),
    }
    data = parsers[parameter.type]()
    return None if data is None else Value(parameter.type, data, shown(node, reader.values))


def shown(node: Node, values: Table[str, Value | None]) -> str:
    """A scalar or a list of scalars as one line, parameters by their values."""
    texts = [node.text] if isinstance(node, Scalar) else [c.text for c in node.children if isinstance(c, Scalar)]
    known = (values.get(text[1:]) if text.startswith("$") else None for text in texts)
    return ", ".join(text if value is None else value.text for text, value in zip(texts, known, strict=True))


def _article(type: Type) -> str:
    return f"an {type}" if type.value[0] in "aeiou" else f"a {type}"
