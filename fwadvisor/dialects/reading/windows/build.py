"""Drafts to rules: what each parameter asks of a packet, and what Windows refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

from fwadvisor.diagnostic import error
from fwadvisor.dialects.reading.windows.draft import EVERYTHING, Draft, Machine
from fwadvisor.dialects.reading.windows.fields import (
    Addresses,
    FieldError,
    Ports,
    parse_address_list,
    parse_icmp,
    parse_ports,
    protocol_number,
)
from fwadvisor.dialects.reading.windows.words import (
    ANY_PROTOCOL,
    ENUMERATIONS,
    FLAGS,
    INBOUND_PORT_WORDS,
    LOCAL_PORT_WORDS,
    REMOTE_PORT_WORDS,
    STARTED_BY,
)
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    PROFILES,
    Action,
    AddressTest,
    AnyOf,
    Condition,
    ConditionTest,
    Decide,
    FamilyTest,
    Field,
    FirewallRule,
    IntegerTest,
    Names,
    NameTest,
    Test,
    Unknown,
)
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP, Verdict

#: How many entries of a list every version of Windows takes (MS-FASP 2.2.5 to 2.2.17).
_MOST_ENTRIES = 1000
#: Characters that a rule's text may have (MS-FASP 2.2.37).
_LONGEST = {"Name": 511, "DisplayName": 9999, "Description": 9999, "Group": 9999, "Program": 259, "Service": 259}
#: Parameters that ask something which is no part of a packet, with the name of the condition.
_CONDITIONS = {
    "Program": "program", "Service": "service", "Package": "package", "Owner": "owner", "LocalUser": "user",
    "RemoteUser": "remote user", "RemoteMachine": "remote machine", "Platform": "platform",
    "DynamicTarget": "dynamic target", "PolicyAppId": "policy app id", "InterfaceType": "interface type",
    "InterfaceGuid": "interface", "NetworkName": "network name", "SecurityRealm": "security realm",
    "RemoteDynamicKeywordAddresses": "remote address dynamic keyword",
}  # fmt: skip
#: Conditions of which several values are alternatives; of others there is one.
_DEFAULTS = {"any", ""}


class Kind(IntEnum):
    """Where a rule stands in the one order that Windows knows (MS-FASP 2.2.34)."""

    UNKNOWN = 0
    BYPASS = 1
    BLOCK = 2
    ALLOW = 3


@dataclass(frozen=True, slots=True)
class Built:
    """A rule and where it goes; `disabled` ones are checked, but decide nothing."""

    kind: Kind
    inbound: bool
    outbound: bool
    rule: FirewallRule
    disabled: bool = False


@dataclass
class Builder:
    """Makes rules of drafts; interface names that differ in case only are one interface."""

    machine: Machine
    _interfaces: dict[str, str] = field(default_factory=dict)

    def build(self, draft: Draft) -> Built | None:
        """The rule of a draft, or None where it has problems, which are noted."""
        before = len(self.machine.problems.found) + self.machine.problems.more
        making = _Making(self, draft)
        built = making.run()
        return built if len(self.machine.problems.found) + self.machine.problems.more == before else None

    def interface(self, name: str) -> str:
        """The first spelling of an interface's name."""
        return self._interfaces.setdefault(name.casefold(), name)


_ACCEPT, _DROP = Decide(Verdict.ACCEPT), Decide(Verdict.DROP)


class _Making:
    """One rule in the making."""

    __slots__ = ("builder", "draft", "place", "span", "tests", "unknown", "values")

    def __init__(self, builder: Builder, draft: Draft) -> None:
        self.builder = builder
        self.draft = draft
        self.values = draft.values
        self.unknown = draft.unknown
        self.place = draft.place
        self.span = draft.place.span()
        self.tests: list[Test] = []

    # --- problems ------------------------------------------------------------------------------------

    def refuse(self, text: str, message: str, hint: str = "") -> None:
        self.builder.machine.problems.add(error(message, self.place.of(text), hint))

    def misfit(self, parameter: str, problem: FieldError) -> None:
        """A value that a script may not have, and that an exported rule has in words that we do not know."""
        if self.draft.strict:
            self.refuse(problem.text, f"-{parameter}: {problem}", problem.hint)
        else:
            self.not_known(parameter, problem.text, f"{parameter}: {problem}")

    def not_known(self, parameter: str, text: str, reason: str) -> None:
        condition = Condition(f"{parameter} {text}", understood=False)
        self.tests.append(ConditionTest(condition))
        self.builder.machine.not_understood(self.place.of(text), reason)

    # --- the rule ------------------------------------------------------------------------------------

    def run(self) -> Built:
        values = self.values
        for given in self.draft.given:
            self.tests.append(ConditionTest(Condition(given.text, understood=False), given.holds))
        self.texts()
        inbound = self.word("Direction", "Inbound") != "Outbound"
        action, kind = self.action(inbound)
        enabled = self.word("Enabled", "True")
        if EVERYTHING in self.unknown:
            kind, action = Kind.UNKNOWN, Unknown(self.unknown[EVERYTHING])
        self.profiles()
        self.protocol(inbound)
        self.interfaces(inbound)
        if "LocalAddress" in values:
            self.addresses("LocalAddress", Field.DESTINATION if inbound else Field.SOURCE)
        if "RemoteAddress" in values:
            self.addresses("RemoteAddress", Field.SOURCE if inbound else Field.DESTINATION)
        if not values.keys() <= _PLAIN:
            self.conditions()
        for parameter, text in self.unknown.items():
            if parameter == EVERYTHING or (EVERYTHING not in self.unknown and parameter not in _NO_TEST):
                label = f"-{parameter}" if self.draft.strict else parameter
                self.not_known(label, text, text if parameter == EVERYTHING else f"{label} {text} is not known")
        either = "Direction" in self.unknown
        return Built(kind, inbound or either, not inbound or either, self.rule(action), enabled == "False")

    def rule(self, action: Action) -> FirewallRule:
        title = self.draft.one("DisplayName")
        description = self.draft.one("Description")
        return FirewallRule(
            tests=tuple(self.tests),
            action=action,
            span=self.span,
            text=self.place.quote(),
            comment=f"{title}: {description}" if title and description else title or description,
        )

    def word(self, parameter: str, default: str) -> str:
        values = self.values.get(parameter)
        if not values:
            return default
        text = values[0]
        if text == default:
            return default
        found = ENUMERATIONS[parameter].word(text) if len(values) == 1 else None
        if found is None:
            self.refuse(text, f'-{parameter} is "{", ".join(values)}"', ENUMERATIONS[parameter].hint(text))
            return default
        return found

    def action(self, inbound: bool) -> tuple[Action, Kind]:
        word = self.word("Action", "Allow")
        values = self.values
        if "Action" in self.unknown:
            reason = f"-Action {self.unknown['Action']} is not known"
            self.builder.machine.not_understood(self.span, reason)
            return Unknown(reason), Kind.UNKNOWN
        if word == "NotConfigured":
            self.refuse(self.draft.one("Action"), "a rule's action is Allow or Block")
        if word == "AllowBypass":
            return _ACCEPT, Kind.BYPASS
        if "OverrideBlockRules" in values and self.draft.one("OverrideBlockRules").lower() in ("true", "1"):
            return self.bypass(word, inbound)
        return (_DROP, Kind.BLOCK) if word == "Block" else (_ACCEPT, Kind.ALLOW)

    def bypass(self, word: str, inbound: bool) -> tuple[Action, Kind]:
        """Allow over Block, which only authenticated peers get."""
        text = self.draft.one("OverrideBlockRules")
        if word == "Block":
            self.refuse(text, "a Block rule cannot override block rules")
        elif self.draft.strict and self.draft.one("Authentication", "NotRequired").lower() in ("notrequired", "0"):
            self.refuse(text, "-OverrideBlockRules needs authenticated peers", "add -Authentication Required")
        elif self.draft.strict and inbound and not self.given("RemoteMachine"):
            self.refuse(
                text, "-OverrideBlockRules needs a list of computers inbound", "add -RemoteMachine with an SDDL"
            )
        return _ACCEPT, Kind.BYPASS

    def given(self, parameter: str) -> bool:
        """Whether a parameter says anything, known or not."""
        return self.draft.one(parameter).lower() not in _DEFAULTS or parameter in self.unknown

    def texts(self) -> None:
        """Names and descriptions."""
        values = self.values
        for parameter in ("Name", "DisplayName", "Description", "Group"):
            text = values[parameter][0] if values.get(parameter) else None
            if text is None:
                if parameter == "DisplayName" and self.draft.strict and not self.unknown.keys() & _TITLES:
                    self.refuse("", "a rule needs a -DisplayName")
                continue
            if "|" in text and self.draft.strict:
                self.refuse(text, f'-{parameter} holds "|", which Windows refuses')
            if len(text) > _LONGEST[parameter]:
                self.refuse(text, f"-{parameter} is longer than {_LONGEST[parameter]} characters")
            elif not text and parameter in ("Name", "DisplayName") and self.draft.strict:
                self.refuse(text, f"-{parameter} is empty")
        if self.draft.strict and self.draft.one("DisplayName").lower() == "all":
            self.refuse(
                self.draft.one("DisplayName"), 'a rule cannot be called "all"', "the word stands for every rule"
            )

    def profiles(self) -> None:
        values = self.values.get("Profile")
        if not values or values == ("Any",):
            return
        numbers = [PROFILES.index(word.lower()) for word in self.flags("Profile", values) if word.lower() in PROFILES]
        if numbers and len(set(numbers)) < len(PROFILES):
            self.tests.append(IntegerTest(Field.PROFILE, normalize((n, n) for n in numbers)))

    def flags(self, parameter: str, values: tuple[str, ...]) -> list[str]:
        """The words of a parameter that takes several; () where all are meant."""
        found = []
        for each in values:
            for text in each.split(","):
                words = self.flag(parameter, text.strip())
                if words is None:
                    self.refuse(each, f'-{parameter} is "{text.strip()}"', ENUMERATIONS[parameter].hint(text.strip()))
                else:
                    found += words
        return found

    def flag(self, parameter: str, text: str) -> list[str] | None:
        words = ENUMERATIONS[parameter].words
        if text.isascii() and text.isdecimal() and len(text) <= 10:
            number = int(text)
            if number in (0, 0x7FFFFFFF):
                return list(words)[1:4]
            return [word for word, bit in words.items() if 0 < bit < 8 and number & bit] if number < 8 else None
        word = ENUMERATIONS[parameter].word(text)
        return list(words)[1:4] if word == "Any" else [word] if word else None

    # --- protocol, ports, ICMP types -----------------------------------------------------------------

    def protocol(self, inbound: bool) -> None:
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

    def either(self, alternatives: list[tuple[Test, ...]]) -> None:
        if len(alternatives) == 1:
            self.tests.extend(alternatives[0])
        else:
            self.tests.append(AnyOf(tuple(alternatives)))

    def icmp(self, protocol: int) -> None:
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

    def count(self, parameter: str, values: tuple[str, ...]) -> None:
        if len(values) > _MOST_ENTRIES and self.draft.strict:
            self.builder.machine.warn(
                f"-{parameter} has {len(values)} entries; Windows 10 takes at most {_MOST_ENTRIES}",
                self.place.of(values[0]),
                "write several rules",
            )

    # --- addresses and interfaces --------------------------------------------------------------------

    def addresses(self, parameter: str, where: Field) -> None:
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
        values = self.values.get("InterfaceAlias")
        if not values or any(value.lower() == "any" for value in values):
            return
        names, prefixes = set(), set()
        alternatives: list[tuple[Test, ...]] = []
        for value in values:
            if not value.strip("`").strip():
                self.refuse(value, "the name of an interface is expected")
            elif not set(value) & set("*?["):
                names.add(self.builder.interface(value.replace("`", "")))
            elif value.endswith("*") and not set(value[:-1]) & set("*?[`") and value != "*":
                prefixes.add(value[:-1])
            else:
                alternatives.append((ConditionTest(Condition(f"interface {value}")),))
        if names or prefixes:
            where = Field.IN_INTERFACE if inbound else Field.OUT_INTERFACE
            alternatives.insert(0, (NameTest(where, Names(frozenset(names), frozenset(prefixes))),))
        if alternatives:
            self.either(alternatives)

    # --- conditions ----------------------------------------------------------------------------------

    def conditions(self) -> None:
        """Tests of what is no part of a packet."""
        for parameter, name in _CONDITIONS.items():
            values = self.values.get(parameter)
            if not values or values[0].lower() in _DEFAULTS:
                continue
            words = self.flags(parameter, values) if parameter in FLAGS else [_canonical(parameter, v) for v in values]
            if words == ["Any"]:
                continue
            if parameter == "InterfaceType" and set(words) == {"Wired", "Wireless", "RemoteAccess"}:
                continue
            self.either([(ConditionTest(Condition(f"{name} {_spelling(parameter, word)}")),) for word in words])
        self.security()
        program = self.draft.one("Program")
        if self.draft.strict and set(program) & set('/*?"<>|'):
            self.refuse(program, "a program is named by its full path, without wildcards")
        if self.draft.strict and self.given("Service") and (self.given("LocalUser") or self.given("Owner")):
            self.refuse(self.draft.one("Service"), "a rule cannot ask for a service and a user")
        self.notes()

    def security(self) -> None:
        authentication = self.word("Authentication", "NotRequired")
        encryption = self.word("Encryption", "NotRequired")
        if authentication != "NotRequired":
            self.tests.append(ConditionTest(Condition(f"authentication {authentication.lower()}")))
            if self.draft.strict and self.word("Action", "Allow") == "Block":
                self.refuse(self.draft.one("Authentication"), "a Block rule cannot ask for authenticated peers")
        if encryption != "NotRequired":
            self.tests.append(ConditionTest(Condition(f"encryption {encryption.lower()}")))
            if self.draft.strict and authentication == "NotRequired":
                self.refuse(self.draft.one("Encryption"), "-Encryption needs -Authentication Required")

    def notes(self) -> None:
        edge = self.word("EdgeTraversalPolicy", "Block")
        if edge != "Block":
            self.builder.machine.warn(
                "rules let in what comes through a translating router (edge traversal), which no packet shows",
                self.place.of(self.draft.one("EdgeTraversalPolicy")),
            )
            if self.draft.strict and self.word("Direction", "Inbound") == "Outbound":
                self.refuse(self.draft.one("EdgeTraversalPolicy"), "-EdgeTraversalPolicy is for inbound rules only")


_TITLES = frozenset({"DisplayName", EVERYTHING})
#: Parameters of most rules, none of which is a condition.
_PLAIN = frozenset(
    {
        "Name", "DisplayName", "Description", "Group", "Enabled", "Direction", "Action", "Profile", "Protocol",
        "LocalPort", "RemotePort", "IcmpType", "LocalAddress", "RemoteAddress", "InterfaceAlias",
    }
)  # fmt: skip
#: Parameters that ask nothing of a packet, or are asked elsewhere.
_NO_TEST = frozenset({"Name", "DisplayName", "Description", "Group", "PolicyStore", "Action"})
_PORTED = IntegerTest(Field.PROTOCOL, ((TCP, TCP), (UDP, UDP)))
_FAMILIES = {ICMP: FamilyTest(Family.IPV4), ICMPV6: FamilyTest(Family.IPV6)}


def _spelling(parameter: str, word: str) -> str:
    """Windows takes paths, services and enumerations in any case."""
    if parameter in ("LocalUser", "RemoteUser", "RemoteMachine", "Owner", "Package", "SecurityRealm"):
        return str(word)
    return word.lower()


def _canonical(parameter: str, text: str) -> str:
    """A word of an enumeration for its number or another spelling; anything else as it is."""
    if parameter != "DynamicTarget":
        return text
    return ENUMERATIONS[parameter].word(STARTED_BY.get(text.lower(), text)) or text


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
