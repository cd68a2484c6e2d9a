"""What a rule asks of the packet itself: protocol, ports, ICMP types, addresses, interfaces."""

from __future__ import annotations

from functools import lru_cache

from fwadvisor.dialects.reading.windows.fields import (
    Addresses,
    FieldError,
    Ports,
    parse_address_list,
    parse_icmp,
    parse_ports,
    protocol_number,
)
from fwadvisor.dialects.reading.windows.making import Making
from fwadvisor.dialects.reading.windows.words import (
    ANY_PROTOCOL,
    INBOUND_PORT_WORDS,
    LOCAL_PORT_WORDS,
    REMOTE_PORT_WORDS,
)
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    AddressTest,
    Condition,
    ConditionTest,
    FamilyTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP

_PORTED = IntegerTest(Field.PROTOCOL, ((TCP, TCP), (UDP, UDP)))
_FAMILIES = {ICMP: FamilyTest(Family.IPV4), ICMPV6: FamilyTest(Family.IPV6)}


class Traffic(Making):
    """The tests of packets."""

    __slots__ = ()

    def protocol(self, inbound: bool) -> None:
        """The protocol, and what it has: ports or ICMP types."""
        values = self.values
        text = values["Protocol"][0] if values.get("Protocol") else "Any"
        ported = "LocalPort" in values or "RemotePort" in values
        try:
            number = protocol_number(text)
        except FieldError as problem:
            self.misfit("Protocol", problem)
            return
        if len(values.get("Protocol", ())) > 1:
            self.refuse(values["Protocol"][1], "a rule has one protocol", "write a rule for each")
        if "Protocol" in self.unknown:
            if self.numbered("LocalPort") or self.numbered("RemotePort"):
                self.tests.append(_PORTED)
            number = ANY_PROTOCOL
        elif number != ANY_PROTOCOL:
            if number in (ICMP, ICMPV6):
                self.tests.append(_FAMILIES[number])
            self.tests.append(_protocol_test(number))
        if ported:
            self.ports("LocalPort", number, Field.DESTINATION_PORT if inbound else Field.SOURCE_PORT, inbound)
            self.ports("RemotePort", number, Field.SOURCE_PORT if inbound else Field.DESTINATION_PORT, inbound)
        if "IcmpType" in values:
            self.icmp(number)

    def numbered(self, parameter: str) -> bool:
        """Whether a parameter asks for ports."""
        return self.draft.one(parameter, "any").lower() != "any"

    def ports(self, parameter: str, protocol: int, where: Field, inbound: bool) -> None:
        """One side's ports."""
        values = self.values.get(parameter)
        if not values or not self.port_fits(parameter, values, protocol):
            return
        try:
            ports = parse_ports(values, parameter == "LocalPort")
        except FieldError as problem:
            self.misfit(parameter, problem)
            return
        if ports.any:
            return
        self.count(parameter, values)
        if ports.words:
            self.port_words(parameter, ports, protocol, where, inbound)
        else:
            self.tests.append(_port_test(where, ports))

    def port_fits(self, parameter: str, values: tuple[str, ...], protocol: int) -> bool:
        """Whether the protocol has ports; exports show RPC beside ICMP, which asks for nothing."""
        if protocol in (TCP, UDP) or "Protocol" in self.unknown or values[0].lower() == "any":
            return True
        if not self.draft.strict and all(value.lower() == "rpc" for value in values):
            return False
        name = "every protocol" if protocol == ANY_PROTOCOL else f"protocol {protocol}"
        self.refuse(values[0], f"-{parameter} needs -Protocol TCP or UDP, and this rule is for {name}")
        return False

    def port_words(self, parameter: str, ports: Ports, protocol: int, where: Field, inbound: bool) -> None:
        """Ports that only the machine knows, maybe with numbers beside them."""
        table = LOCAL_PORT_WORDS if parameter == "LocalPort" else REMOTE_PORT_WORDS
        side = "local" if parameter == "LocalPort" else "remote"
        alternatives: list[tuple[Test, ...]] = []
        for word in ports.words:
            text = next((v for v in self.values[parameter] if v.lower() == word.lower()), self.values[parameter][0])
            if self.draft.strict and protocol in (TCP, UDP) and protocol != table[word]:
                self.refuse(text, f"{word} is a port of {'TCP' if table[word] == TCP else 'UDP'}")
            if self.draft.strict and not inbound and word in INBOUND_PORT_WORDS:
                self.refuse(text, f"{word} is for inbound rules only")
            alternatives.append((ConditionTest(Condition(f"{side} port {word}")),))
        if ports.numbers:
            alternatives.insert(0, (IntegerTest(where, ports.numbers),))
        self.either(alternatives)

    def icmp(self, protocol: int) -> None:
        """Types and codes."""
        values = self.values["IcmpType"]
        try:
            kinds = parse_icmp(values)
        except FieldError as problem:
            self.misfit("IcmpType", problem)
            return
        if kinds == ((0, 65535),):
            return
        if "Protocol" in self.unknown:
            self.not_known("-IcmpType", ", ".join(values), "the protocol of the ICMP types is not known")
        elif protocol not in (ICMP, ICMPV6):
            self.refuse(values[0], "-IcmpType needs -Protocol ICMPv4 or ICMPv6")
        else:
            self.count("IcmpType", values)
            self.tests.append(IntegerTest(Field.ICMP, kinds))

    # --- addresses and interfaces --------------------------------------------------------------------

    def addresses(self, parameter: str, where: Field) -> None:
        """One side's addresses."""
        values = self.values[parameter]
        try:
            addresses = parse_address_list(values)
        except FieldError as problem:
            self.misfit(parameter, problem)
            return
        if addresses.any or not values:
            return
        self.count(parameter, values)
        if not addresses.words:
            self.tests.extend(_address_tests(where, addresses))
            return
        if parameter == "LocalAddress":
            text = next(v for v in values if not v[0].isdecimal() and ":" not in v)
            self.misfit(parameter, FieldError(text, f'"{text}" stands for remote addresses only'))
            return
        alternatives: list[tuple[Test, ...]] = []
        if addresses.v4 or addresses.v6:
            alternatives.append(_address_tests(where, addresses))
        alternatives += _keyword_tests(addresses)
        self.either(alternatives)

    def interfaces(self, inbound: bool) -> None:
        """The interface that the packet comes in or leaves by."""
        values = self.values.get("InterfaceAlias")
        if not values or any(value.lower() == "any" for value in values):
            return
        names, prefixes = set(), set()
        alternatives: list[tuple[Test, ...]] = []
        for value in values:
            if not value.strip("`").strip():
                self.refuse(value, "the name of an interface is expected")
            elif not set(value) & set("*?["):
                names.add(self.workshop.interface(value.replace("`", "")))
            elif value.endswith("*") and not set(value[:-1]) & set("*?[`") and value != "*":
                prefixes.add(value[:-1])
            else:
                alternatives.append((ConditionTest(Condition(f"interface {value}")),))
        if names or prefixes:
            where = Field.IN_INTERFACE if inbound else Field.OUT_INTERFACE
            alternatives.insert(0, (NameTest(where, Names(frozenset(names), frozenset(prefixes))),))
        if alternatives:
            self.either(alternatives)


@lru_cache(maxsize=512)
def _protocol_test(number: int) -> IntegerTest:
    return IntegerTest(Field.PROTOCOL, ((number, number),))


@lru_cache(maxsize=65536)
def _port_test(where: Field, ports: Ports) -> IntegerTest:
    return IntegerTest(where, ports.numbers)


def _address_tests(where: Field, addresses: Addresses) -> tuple[Test, ...]:
    test = AddressTest(where, addresses.v4, addresses.v6)
    if addresses.v4 and addresses.v6:
        return (test,)
    return (FamilyTest(Family.IPV4 if addresses.v4 else Family.IPV6), test)


def _keyword_tests(addresses: Addresses) -> list[tuple[Test, ...]]:
    """One alternative for each keyword; both families of one are the keyword itself."""
    found: dict[str, set[Family | None]] = {}
    for word, family in addresses.words:
        found.setdefault(word, set()).add(family)
    tests: list[tuple[Test, ...]] = []
    for word, families in found.items():
        condition = ConditionTest(Condition(f"remote address {word}"))
        both = None in families or len(families) > 1
        tests.append((condition,) if both else (FamilyTest(next(f for f in families if f)), condition))
    return tests
