"""Registry values: rules (MS-GPFAS 2.2.2.19) and the switches of profiles (MS-GPFAS 2.2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fwadvisor.diagnostic import Span, did_you_mean, error
from fwadvisor.dialects.reading.windows.draft import EVERYTHING, Draft, Machine, Setting
from fwadvisor.dialects.reading.windows.page import Place, Text, text_at
from fwadvisor.model.firewall import PROFILES

_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]{1,3}")
#: Tokens that are a parameter of New-NetFirewallRule by another name.
_PARAMETERS = {
    "Dir": "Direction", "Active": "Enabled", "Protocol": "Protocol", "Profile": "Profile", "LPort": "LocalPort",
    "LPort2_10": "LocalPort", "LPort2_20": "LocalPort", "LPort2_24": "LocalPort", "LPort2_25": "LocalPort",
    "LPort2_29": "LocalPort", "RPort": "RemotePort", "RPort2_10": "RemotePort", "RPort2_28": "RemotePort",
    "ICMP4": "IcmpType", "ICMP6": "IcmpType", "LA4": "LocalAddress", "LA6": "LocalAddress", "RA4": "RemoteAddress",
    "RA6": "RemoteAddress", "RA42": "RemoteAddress", "RA62": "RemoteAddress", "App": "Program", "Svc": "Service",
    "Name": "DisplayName", "Desc": "Description", "EmbedCtxt": "Group", "LUAuth": "LocalUser",
    "LUAuth2_24": "LocalUser", "RUAuth": "RemoteUser", "RMauth": "RemoteMachine", "LUOwn": "Owner",
    "AppPkgId": "Package", "IF": "InterfaceGuid", "IFType": "InterfaceType", "Platform": "Platform",
    "Platform2": "Platform", "TTK": "DynamicTarget", "TTK2_22": "DynamicTarget", "TTK2_27": "DynamicTarget",
    "TTK2_28": "DynamicTarget", "NNm": "NetworkName", "SecurityRealmId": "SecurityRealm", "Action": "Action",
}  # fmt: skip
_BY_LOWER = {token.lower(): token for token in _PARAMETERS}
#: Tokens that change nothing about new packets, or are read with others.
_SILENT = frozenset({"skipver", "lsm", "lom", "authbypassout"})
#: Tokens that may come up once (MS-GPFAS 2.2.2.19).
_ONCE = frozenset({"Action", "Dir", "Protocol", "Active", "App", "Svc", "Name", "Desc", "EmbedCtxt"})
_WORDS = {
    "Direction": {"in": "Inbound", "out": "Outbound"},
    "Enabled": {"true": "True", "false": "False"},
    "Action": {"allow": "Allow", "block": "Block", "bypass": "AllowBypass"},
    "InterfaceType": {"lan": "Wired", "wireless": "Wireless", "remoteaccess": "RemoteAccess"},
}
#: What the security tokens ask: the parameters of the cmdlet.
_SECURITY = {
    ("security", "authenticate"): {"Authentication": "Required"},
    ("security", "authenticateencrypt"): {"Authentication": "Required", "Encryption": "Required"},
    ("security2_9", "an-noencap"): {"Authentication": "NoEncap"},
    ("security2", "ane-nego"): {"Authentication": "Required", "Encryption": "Dynamic"},
}


@dataclass
class _Fields:
    """The marks of one rule on their way into a draft."""

    machine: Machine
    place: Place
    values: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def take(self, mark: str, value: Text) -> None:
        lower = mark.lower()
        name = _BY_LOWER.get(lower, mark)
        if name in _ONCE and name in self.seen:
            self.machine.problems.add(error(f"{name}= comes up twice in one rule", self.place.of(value)))
        self.seen.add(name)
        if (asked := _SECURITY.get((lower, value.lower()))) is not None:
            for parameter, word in asked.items():
                self.values[parameter] = [word]
        elif lower in ("edge", "defer"):
            self.edge(lower, value)
        elif name in _PARAMETERS:
            self.parameter(_PARAMETERS[name], name, value)
        elif lower not in _SILENT:
            self.unknown.setdefault(mark, value)

    def edge(self, mark: str, value: Text) -> None:
        word = "Allow" if mark == "edge" else {"app": "DeferToApp", "user": "DeferToUser"}.get(value.lower())
        if word is None:
            self.unknown[mark] = value
        elif mark == "defer" or value.lower() == "true":
            self.values["EdgeTraversalPolicy"] = [word]

    def parameter(self, parameter: str, mark: str, value: Text) -> None:
        words = _WORDS.get(parameter)
        if words is not None:
            word = words.get(value.lower())
            if word is None:
                hint = did_you_mean(value, words) or f"one of {', '.join(words)} is expected"
                self.machine.problems.add(error(f'{mark}= is "{value}"', self.place.of(value), hint))
                return
            value = text_at(word, value.at)
        elif mark in ("RA4", "RA42", "RA6", "RA62") and value[:1].isalpha() and ":" not in value:
            value = text_at(f"{value}{mark[2]}", value.at)
        elif parameter == "DynamicTarget" and value.lower() == "any":
            return
        self.values.setdefault(parameter, []).append(value)


def read_rule(machine: Machine, name: str, text: str, place: Place, at: int, store: str) -> Draft | None:
    """The rule of a registry value, `at` being where its data begin; None where it is none, which is noted."""
    head, bar, rest = text.partition("|")
    if not bar or _VERSION.fullmatch(head) is None:
        hint = "a rule begins with its version: v2.31|Action=Allow|..."
        machine.problems.add(error("this is no firewall rule", place.of(text_at(head, at)), hint))
        return None
    fields = _Fields(machine, place)
    offset = at + len(head) + 1
    for part in rest.split("|"):
        token, equals, value = part.partition("=")
        if part and not equals:
            machine.problems.add(error(f'"{part}" is no Name=value', place.of(text_at(part, offset))))
        elif part:
            fields.take(token, text_at(value, offset + len(token) + 1))
        offset += len(part) + 1
    return _draft(fields, name, store)


def _draft(fields: _Fields, name: str, store: str) -> Draft:
    values = {parameter: tuple(found) for parameter, found in fields.values.items()}
    values.setdefault("Enabled", ("False",))
    values["Name"] = (name,)
    for parameter, token in (("Direction", "Dir"), ("Action", "Action")):
        if parameter not in values and token not in fields.seen:
            fields.unknown[EVERYTHING] = f"the rule has no {token}="
            if parameter == "Direction":
                fields.unknown[parameter] = "is missing"
    draft = Draft(fields.place, values, strict=False, store=store)
    draft.unknown.update(fields.unknown)
    return draft


# --- profiles --------------------------------------------------------------------------------------

#: Key -> number of the profile. The private profile of the local store still has its old name.
_PROFILE_KEYS = {
    "domainprofile": PROFILES.index("domain"),
    "publicprofile": PROFILES.index("public"),
    "privateprofile": PROFILES.index("private"),
    "standardprofile": PROFILES.index("private"),
}
#: Value -> the switch, and its words for 0 and 1.
_SWITCHES = {
    "enablefirewall": ("Enabled", "False", "True"),
    "defaultinboundaction": ("DefaultInboundAction", "Allow", "Block"),
    "defaultoutboundaction": ("DefaultOutboundAction", "Allow", "Block"),
    "donotallowexceptions": ("AllowInboundRules", "True", "False"),
    "allowlocalpolicymerge": ("AllowLocalFirewallRules", "False", "True"),
}
_LOCAL_KEY = re.compile(
    r".*\\(?:currentcontrolset|controlset[0-9]{3})\\services\\sharedaccess\\(?:parameters|defaults)\\firewallpolicy"
)
_POLICY_KEY = re.compile(r"(?:.*\\)?software\\policies\\microsoft\\windowsfirewall")


@dataclass
class Registry:
    """Registry keys and values in file order; a later value of one name replaces an earlier one."""

    machine: Machine
    #: (store, value name in lower case) -> rule.
    rules: dict[tuple[str, str], Draft] = field(default_factory=dict)
    #: (store, profile, switch) -> setting.
    switches: dict[tuple[str, int, str], Setting] = field(default_factory=dict)
    #: How many keys of the firewall came up.
    keys: int = 0

    def key(self, key: str) -> tuple[str, str] | None:
        """The store and the key below it, or None where it is not the firewall's."""
        lower = key.lower().rstrip("\\")
        for store, root in (("local", _LOCAL_KEY), ("policy", _POLICY_KEY)):
            if (found := root.match(lower)) and lower[found.end() :][:1] in ("", "\\"):
                self.keys += 1
                below = lower[found.end() + 1 :]
                # What a device management service sets counts as policy does.
                return ("policy", below[4:]) if below.startswith("mdm\\") else (store, below)
        return None

    def rule(self, store: str, name: str, text: str, place: Place, at: int) -> None:
        """A value below FirewallRules."""
        if (draft := read_rule(self.machine, name, text, place, at, store)) is not None:
            self.rules[store, name.lower()] = draft

    def number(self, store: str, key: str, name: str, number: int, span: Span) -> None:
        """A number below one of the profiles' keys."""
        profile = _PROFILE_KEYS.get(key)
        switch = _SWITCHES.get(name.lower())
        if profile is None or switch is None:
            return
        if store == "policy" and key == "standardprofile":
            self.machine.warn("StandardProfile is a policy of Windows XP, which later versions do not ask", span)
            return
        word, off, on = switch
        if number not in (0, 1):
            self.machine.problems.add(error(f"{name} is {number}", span, f"0 is {off}, 1 is {on}"))
            return
        self.switches[store, profile, word] = Setting((off, on)[number], span)

    def drop(self, store: str, below: str) -> None:
        """A deleted key with all that was said of it before."""
        if below in ("", "firewallrules"):
            self.rules = {at: draft for at, draft in self.rules.items() if at[0] != store}
        self.switches = {
            at: setting
            for at, setting in self.switches.items()
            if at[0] != store or (below and _PROFILE_KEYS.get(below) != at[1])
        }

    def forget(self, store: str, below: str, name: str) -> None:
        """A deleted value."""
        if below == "firewallrules":
            self.rules.pop((store, name.lower()), None)
        elif (switch := _SWITCHES.get(name.lower())) and below in _PROFILE_KEYS:
            self.switches.pop((store, _PROFILE_KEYS[below], switch[0]), None)

    def finish(self) -> None:
        """Hand everything to the machine. Where both stores set a switch, Group Policy counts (MS-FASP 3.1.3)."""
        for profile in range(len(PROFILES)):
            for switch, _, _ in _SWITCHES.values():
                local, policy = (self.switches.get((store, profile, switch)) for store in ("local", "policy"))
                setting = policy or local
                if switch == "AllowInboundRules" and local and local.word == "False":
                    setting = local  # shields-up counts wherever it is on
                if setting and switch != "AllowLocalFirewallRules":
                    self.machine.set_profiles([profile], switch, setting)
        for draft in self.rules.values():
            if draft.store == "policy" or self._merges(draft):
                self.machine.add(draft)

    def _merges(self, draft: Draft) -> bool:
        """Narrow a local rule to the profiles in which Group Policy lets local rules count."""
        barred = [
            number
            for number in range(len(PROFILES))
            if (setting := self.switches.get(("policy", number, "AllowLocalFirewallRules"))) and setting.word == "False"
        ]
        if not barred:
            return True
        first = self.switches["policy", barred[0], "AllowLocalFirewallRules"]
        self.machine.warn("Group Policy lets local rules not count", first.span, "AllowLocalPolicyMerge is 0")
        named = {value.lower() for value in draft.values.get("Profile", ())} or set(PROFILES)
        left = [name for number, name in enumerate(PROFILES) if name in named and number not in barred]
        draft.values["Profile"] = tuple(left)
        return bool(left)
