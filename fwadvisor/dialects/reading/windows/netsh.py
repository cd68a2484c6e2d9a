"""``netsh advfirewall``: the lines that add rules and set profiles; others that change something are not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.diagnostic import did_you_mean, error
from fwadvisor.dialects.reading.windows.draft import EVERYTHING, Draft, Given, Machine, Setting
from fwadvisor.dialects.reading.windows.page import Place, Text, text_at
from fwadvisor.model.firewall import PROFILES

#: Keys of ``add rule`` that are a parameter of New-NetFirewallRule by another name.
_KEYS = {
    "name": "DisplayName", "dir": "Direction", "action": "Action", "program": "Program", "service": "Service",
    "description": "Description", "enable": "Enabled", "profile": "Profile", "localip": "LocalAddress",
    "remoteip": "RemoteAddress", "localport": "LocalPort", "remoteport": "RemotePort", "protocol": "Protocol",
    "interfacetype": "InterfaceType", "rmtcomputergrp": "RemoteMachine", "rmtusrgrp": "RemoteUser",
    "edge": "EdgeTraversalPolicy", "security": "Authentication",
}  # fmt: skip
_LISTS = frozenset({"localip", "remoteip", "localport", "remoteport", "profile", "interfacetype"})
_WORDS = {
    "dir": {"in": "Inbound", "out": "Outbound"},
    "action": {"allow": "Allow", "block": "Block", "bypass": "AllowBypass"},
    "enable": {"yes": "True", "no": "False"},
    "edge": {"yes": "Allow", "no": "Block", "deferapp": "DeferToApp", "deferuser": "DeferToUser"},
    "interfacetype": {"any": "Any", "lan": "Wired", "wireless": "Wireless", "ras": "RemoteAccess"},
    "security": {"notrequired": "NotRequired", "authenticate": "Required", "authnoencap": "NoEncap"},
}
_SECURE = {"authenc": "Required", "authdynenc": "Dynamic"}
_PROFILES = {
    "allprofiles": tuple(range(len(PROFILES))),
    "domainprofile": (PROFILES.index("domain"),),
    "privateprofile": (PROFILES.index("private"),),
    "publicprofile": (PROFILES.index("public"),),
}
_INBOUND = {"blockinbound": "Block", "allowinbound": "Allow", "notconfigured": "NotConfigured"}
_OUTBOUND = {"blockoutbound": "Block", "allowoutbound": "Allow", "notconfigured": "NotConfigured"}
#: Words that only show or keep something.
_HARMLESS = frozenset({"show", "export", "dump", "?", "help"})


@dataclass(frozen=True, slots=True)
class Line:
    """One call of netsh: its words after the program's name, None for those that are not known."""

    machine: Machine
    place: Place
    words: Sequence[str | None]
    given: tuple[Given, ...] = ()

    def wrong(self, text: str, message: str, hint: str = "") -> None:
        """Note a problem."""
        self.machine.problems.add(error(message, self.place.of(text), hint))

    def opaque(self, reason: str) -> None:
        """Note that it is not known what the line does."""
        self.machine.not_read(self.place.span(), self.place.quote(), reason)


def read_line(line: Line) -> None:
    """Carry out one line."""
    words = [None if word is None else word.lower() for word in line.words]
    if harmless(words):
        return
    if None in words[:4]:
        line.opaque("what netsh is told to do is not known")
    elif words[:1] == ["firewall"]:
        line.opaque("netsh firewall, the older form, is not read")
    elif words[1:4] == ["firewall", "add", "rule"]:
        _add(line, 4)
    elif words[1:4] == ["firewall", "delete", "rule"]:
        _delete(line, 4)
    elif words[1:2] == ["set"] and len(words) > 3 and words[2] in _PROFILES:
        _set(line, _PROFILES[words[2] or ""], words[3:])
    else:
        line.opaque("what this line of netsh changes is not read")


def harmless(words: Sequence[str | None]) -> bool:
    """Whether a line changes nothing of the firewall."""
    lower = [None if word is None else word.lower() for word in words[:3]]
    if len(lower) < 2 or lower[0] not in ("advfirewall", "firewall"):
        return lower[:1] not in ([None], [])
    if lower[1] in _HARMLESS:
        return True
    return lower[1] in ("firewall", "monitor", "consec") and lower[2:] == ["show"]


def _pairs(line: Line, start: int) -> dict[str, Text | str | None]:
    found: dict[str, Text | str | None] = {}
    for word in line.words[start:]:
        if word is None:
            found["*"] = None
            continue
        key, equals, value = word.partition("=")
        at = word.at + len(key) + 1 if isinstance(word, Text) else -1
        if not equals:
            line.wrong(
                word, f'"{word}" is no key=value', "netsh takes lists without blanks, and texts with blanks in quotes"
            )
        elif key.lower() in found:
            line.wrong(word, f"{key} is given twice")
        else:
            found[key.lower()] = text_at(value, at) if at >= 0 else value
    return found


def _add(line: Line, start: int) -> None:
    pairs = _pairs(line, start)
    values: dict[str, tuple[str, ...]] = {}
    draft = Draft(line.place, values, given=line.given)
    if "*" in pairs:
        draft.unknown[EVERYTHING] = "a part of the line is not known"
        del pairs["*"]
    for needed in ("name", "dir", "action"):
        if needed not in pairs and EVERYTHING not in draft.unknown:
            line.wrong("", f"a rule needs {needed}=")
    for key, value in pairs.items():
        if key not in _KEYS:
            line.wrong(key, f'netsh knows no "{key}="', did_you_mean(key, _KEYS))
        elif value is not None:
            _value(line, values, key, value)
    if "LocalPort" in values or "RemotePort" in values:
        for parameter in ("LocalPort", "RemotePort"):
            if values.get(parameter, ("",))[0].lower() == "any":
                del values[parameter]
    line.machine.add(draft)


def _value(line: Line, values: dict[str, tuple[str, ...]], key: str, value: str) -> None:
    parameter = _KEYS[key]
    if key == "protocol":
        _protocol(values, value)
    elif key == "security" and value.lower() in _SECURE:
        values["Authentication"], values["Encryption"] = ("Required",), (_SECURE[value.lower()],)
    elif key in _WORDS:
        texts = value.split(",") if key in _LISTS else [value]
        words = [_WORDS[key].get(text.lower()) for text in texts]
        if None in words:
            line.wrong(
                value, f'{key} is "{value}"', did_you_mean(value, _WORDS[key]) or f"one of {', '.join(_WORDS[key])}"
            )
        else:
            values[parameter] = tuple(word for word in words if word is not None)
    elif key in _LISTS:
        values[parameter] = tuple(_parts(value))
    else:
        values[parameter] = (value,)


def _parts(value: str) -> list[str]:
    found, at = [], value.at if isinstance(value, Text) else -1
    for part in value.split(","):
        found.append(text_at(part, at) if at >= 0 else part)
        at += len(part) + 1 if at >= 0 else 0
    return found


def _protocol(values: dict[str, tuple[str, ...]], value: str) -> None:
    """``tcp``, a number, or ICMP with its type as ``icmpv4:8,any``."""
    name, _, types = value.partition(":")
    values["Protocol"] = (value if not types else name,)
    if types and types.lower() != "any,any":
        kind, _, code = types.partition(",")
        values["IcmpType"] = (kind if code.lower() in ("any", "") else f"{kind}:{code}",)


def _delete(line: Line, start: int) -> None:
    """``delete rule name=...`` removes every rule of that display name; other keys narrow it."""
    pairs = _pairs(line, start)
    name = pairs.get("name")
    if len(pairs) > 1 or name is None or line.given:
        line.opaque("which rules are deleted is not known")
    elif name.lower() == "all":
        line.machine.warn("this deletes every rule of the machine (mass change)", line.place.span(), "name the rule")
        for draft in list(line.machine.drafts):
            line.machine.remove(draft)
    else:
        chosen = [draft for draft in line.machine.drafts if draft.one("DisplayName").lower() == name.lower()]
        for draft in chosen:
            line.machine.remove(draft)
        if not chosen:
            line.machine.warn("this deletes rules that are not in this file", line.place.span())


def _set(line: Line, numbers: tuple[int, ...], words: list[str | None]) -> None:
    """``set allprofiles state on`` and ``... firewallpolicy blockinbound,allowoutbound``."""
    span = line.place.span()
    profiles = list(numbers)
    if words[0] in ("logging", "settings"):
        return
    value = words[1] if len(words) > 1 else None
    if value is None or line.given:
        line.opaque("what netsh sets is not known")
    elif words[0] == "state" and value in ("on", "off", "notconfigured"):
        word = {"on": "True", "off": "False"}.get(value, "NotConfigured")
        line.machine.set_profiles(profiles, "Enabled", Setting(word, span))
    elif words[0] == "firewallpolicy" and value.count(",") == 1:
        inbound, outbound = value.split(",")
        always = inbound == "blockinboundalways"
        if (inbound not in _INBOUND and not always) or outbound not in _OUTBOUND:
            hint = "blockinbound, blockinboundalways or allowinbound; then allowoutbound or blockoutbound"
            line.wrong(value, f'firewallpolicy is "{value}"', hint)
            return
        machine = line.machine
        machine.set_profiles(profiles, "DefaultInboundAction", Setting(_INBOUND.get(inbound, "Block"), span))
        machine.set_profiles(profiles, "DefaultOutboundAction", Setting(_OUTBOUND[outbound], span))
        machine.set_profiles(profiles, "AllowInboundRules", Setting("False" if always else "True", span))
    else:
        line.opaque("what netsh sets is not read")
