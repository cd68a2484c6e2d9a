"""Drafts to rules: what each parameter asks of a packet, and what Windows refuses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from fwadvisor.dialects.reading.windows.draft import EVERYTHING, Draft
from fwadvisor.dialects.reading.windows.making import DEFAULTS, Workshop
from fwadvisor.dialects.reading.windows.traffic import Traffic
from fwadvisor.dialects.reading.windows.words import ENUMERATIONS, FLAGS, STARTED_BY
from fwadvisor.model.firewall import (
    PROFILES,
    Action,
    Condition,
    ConditionTest,
    Decide,
    Field,
    FirewallRule,
    IntegerTest,
    Unknown,
)
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import Verdict

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
class Builder(Workshop):
    """Makes rules of drafts."""

    def build(self, draft: Draft) -> Built | None:
        """The rule of a draft, or None where it has problems, which are noted."""
        problems = self.machine.problems
        before = len(problems.found) + problems.more
        built = _Rule(self, draft).run()
        return built if len(problems.found) + problems.more == before else None


_ACCEPT, _DROP = Decide(Verdict.ACCEPT), Decide(Verdict.DROP)


class _Rule(Traffic):
    """One rule in the making."""

    __slots__ = ()

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

    def action(self, inbound: bool) -> tuple[Action, Kind]:
        word = self.word("Action", "Allow")
        values = self.values
        if "Action" in self.unknown:
            reason = f"-Action {self.unknown['Action']} is not known"
            self.workshop.machine.not_understood(self.span, reason)
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

    # --- conditions ----------------------------------------------------------------------------------

    def conditions(self) -> None:
        """Tests of what is no part of a packet."""
        for parameter, name in _CONDITIONS.items():
            values = self.values.get(parameter)
            if not values or values[0].lower() in DEFAULTS:
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
            self.workshop.machine.warn(
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
