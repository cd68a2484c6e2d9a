"""The NetSecurity cmdlets that make, change and ask for rules and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwadvisor.diagnostic import error
from fwadvisor.dialects.reading.windows.draft import EVERYTHING, SWITCHES, Draft, Setting
from fwadvisor.dialects.reading.windows.page import Place, Text
from fwadvisor.dialects.reading.windows.powershell.binding import Bound, Signature, bind
from fwadvisor.dialects.reading.windows.powershell.commands import COMMANDS, Command, Values
from fwadvisor.dialects.reading.windows.powershell.operators import like
from fwadvisor.dialects.reading.windows.powershell.run import drafts_of
from fwadvisor.dialects.reading.windows.powershell.values import Rules, Unknown, Value, truth
from fwadvisor.dialects.reading.windows.words import DEFAULT_ACTION, SWITCH
from fwadvisor.model.firewall import PROFILES

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.run import Run

#: The group of our own scripts, which manage all that is in it.
_OWN_GROUP = "fwadvisor"
_TEXTS = ("Name", "DisplayName", "Description", "Group")
_STORES = ("PolicyStore", "GPOSession", "CimSession")
_RULE = (
    "Description", "Enabled", "Profile", "Platform", "Direction", "Action", "EdgeTraversalPolicy", "LooseSourceMapping",
    "LocalOnlyMapping", "Owner", "LocalAddress", "RemoteAddress", "Protocol", "LocalPort", "RemotePort", "IcmpType",
    "DynamicTarget", "Program", "Package", "Service", "InterfaceAlias", "InterfaceType", "LocalUser", "RemoteUser",
    "RemoteMachine", "Authentication", "Encryption", "OverrideBlockRules", "RemoteDynamicKeywordAddresses",
    "PolicyAppId",
)  # fmt: skip
_ALIASES = {"id": "Name", "dynamictransport": "DynamicTarget"}
NEW = Signature("New-NetFirewallRule", (*_STORES, "Name", "DisplayName", "Group", *_RULE), aliases=_ALIASES)
_NAMES = ("Name", "DisplayName", "Group", "DisplayGroup")
_QUERY = (*_NAMES, "InputObject", "Enabled", "Direction", "Action", "Description", *_STORES)
_FOREIGN_QUERY = frozenset((
    "EdgeTraversalPolicy", "LooseSourceMapping", "LocalOnlyMapping", "PrimaryStatus", "Status", "PolicyStoreSource",
    "PolicyStoreSourceType", "Owner", "AssociatedNetFirewallAddressFilter", "AssociatedNetFirewallApplicationFilter",
    "AssociatedNetFirewallInterfaceFilter", "AssociatedNetFirewallInterfaceTypeFilter",
    "AssociatedNetFirewallPortFilter", "AssociatedNetFirewallSecurityFilter", "AssociatedNetFirewallServiceFilter",
    "AssociatedNetFirewallProfile",
))  # fmt: skip
_SWITCHES = ("All", "TracePolicyStore")
_SELECTING = {
    verb: Signature(f"{verb}-NetFirewallRule", (*_QUERY, *_FOREIGN_QUERY), _SWITCHES, _ALIASES, "Name")
    for verb in ("Get", "Remove", "Enable", "Disable", "Show")
}
_SET = Signature(
    "Set-NetFirewallRule", (*_NAMES, "InputObject", "NewDisplayName", *_STORES, *_RULE), ("All",), _ALIASES, "Name"
)
_PROFILE = Signature(
    "Set-NetFirewallProfile",
    (
        *_STORES, "Profile", "InputObject", *SWITCHES, "AllowLocalIPsecRules", "AllowUserApps", "AllowUserPorts",
        "AllowUnicastResponseToMulticast", "NotifyOnListen", "EnableStealthModeForIPsec", "LogFileName",
        "LogMaxSizeKilobytes", "LogAllowed", "LogBlocked", "LogIgnored", "DisabledInterfaceAliases",
    ),
    ("All",),
    {"name": "Profile"},
    "Profile",
)  # fmt: skip
#: Stores whose rules are not those of the firewall's own policy, or cannot be written.
_OTHER_STORES = ("configurableservicestore", "staticservicestore", "systemdefaults", "rsop")


def _new(run: Run, command: Command, _given: Values | None) -> Values:
    bound = bind(run, command, NEW)
    run.spend(4)
    if _only_asked(run, bound):
        run.machine.warn("a rule with -WhatIf is not created", run.span(command))
        return []
    store = bound.values.pop("PolicyStore", ("",))[0].lower()
    if store in _OTHER_STORES:
        return command.opaque(run, f"rules of {store} are not those that an administrator's policy has")
    table = bound.table
    place = Place(run.page, table.start, table.end) if table is not None and table.end else None
    draft = Draft(place or Place(run.page, command.start, command.end), bound.values, unknown=bound.unknown)
    if bound.murky:
        draft.unknown[EVERYTHING] = f"{bound.murky} is not known"
        if "Direction" not in draft.values:
            draft.unknown["Direction"] = "is not known"
    draft.given = run.doubts()
    _check_name(run, draft)
    run.machine.add(draft)
    return [draft]


def _only_asked(run: Run, bound: Bound) -> bool:
    """Whether a call only says what it would do."""
    preference = truth(run.variables.get("whatifpreference", False))
    return bound.switches.get("WhatIf", preference) is not False


def _check_name(run: Run, draft: Draft) -> None:
    name = draft.values.get("Name")
    if not name or name[0].lower() not in run.machine.names:
        return
    where = run.page.span(name[0].at, len(name[0])) if isinstance(name[0], Text) else draft.place.span()
    if draft.given or run.machine.names[name[0].lower()].given:
        draft.unknown[EVERYTHING] = f'perhaps there is a rule called "{name[0]}" already'
        return
    hint = "New-NetFirewallRule refuses a name that is taken"
    run.machine.problems.add(error(f'a rule called "{name[0]}" exists already', where, hint))


# --- which rules -----------------------------------------------------------------------------------


def select(run: Run, command: Command, bound: Bound, given: Values | None) -> Rules:
    """The rules that a call means."""
    text = run.quote(command)
    if given is not None or bound.input is not None:
        values = given if given is not None else _listed(bound.input)
        others = any(
            not isinstance(each, Draft) and not (isinstance(each, Rules) and not each.others) for each in values
        )
        sure = all(isinstance(each, Draft) or (isinstance(each, Rules) and each.sure) for each in values)
        found = drafts_of(values)
        return Rules(tuple(run.machine.drafts) if found is None else tuple(found), text, others, sure)
    if bound.unknown or bound.murky or bound.values.keys() & _FOREIGN_QUERY:
        return Rules(tuple(run.machine.drafts), text, sure=False)
    chosen, sure = _chosen(run, bound)
    group = bound.values.get("Group", ("",))[0].lower()
    if group == _OWN_GROUP or group.startswith(f"{_OWN_GROUP}:"):
        return Rules(chosen, text, others=False, sure=sure)
    named = bound.values.keys() & {"Name", "DisplayName", "Group"}
    wild = any(set(value) & set("*?[") for parameter in named for value in bound.values[parameter])
    return Rules(chosen, text, others=not chosen or not named or wild or group.startswith("@"), sure=sure)


def _chosen(run: Run, bound: Bound) -> tuple[tuple[Draft, ...], bool]:
    """The rules of the file that a query finds, and whether for certain."""
    run.spend(len(run.machine.drafts) // 8)
    left, sure = list(run.machine.drafts), True
    for parameter, wanted in bound.values.items():
        if parameter in _TEXTS and not any(set(each) & set("*?[`") for each in wanted):
            exact = {each.lower() for each in wanted}
            left = [d for d in left if d.unknown or d.given or d.one(parameter).lower() in exact]
        fits = [(draft, _fits(draft, parameter, wanted)) for draft in left]
        left = [draft for draft, found in fits if found is not False]
        sure = sure and not any(found is None for _, found in fits)
    return tuple(left), sure


def _listed(value: Value) -> Values:
    return value if isinstance(value, list) else [value]


def _fits(draft: Draft, parameter: str, wanted: tuple[str, ...]) -> bool | None:
    """Whether a rule has one of the values that a query asks for; None where that is not known."""
    if parameter == "PolicyStore":
        return True
    if parameter == "DisplayGroup":
        parameter = "Group"
    if draft.unknown.keys() & {parameter, EVERYTHING} or draft.given:
        return None
    default = {"Enabled": "True", "Direction": "Inbound", "Action": "Allow"}.get(parameter, "")
    value = draft.one(parameter, default)
    found = [like(value, each) for each in wanted]
    return True if True in found else None if any(isinstance(each, Unknown) for each in found) else False


def _get(run: Run, command: Command, given: Values | None) -> Values:
    rules = select(run, command, bind(run, command, _SELECTING["Get"]), given)
    if rules.others:
        return [rules]
    return list(rules.drafts)


def _changed(run: Run, command: Command, rules: Rules, what: str) -> bool:
    """Note what a change does to rules that are not in the file; whether those of the file change for certain."""
    if rules.others and what in ("removes", "disables"):
        if not rules.drafts:
            run.machine.warn(f"this {what} rules of the machine that are not in this file", run.span(command))
    elif rules.others:
        command.opaque(run, f"this {what} rules of the machine that are not in this file")
    if not run.given and rules.sure:
        return True
    run.doubts()
    for draft in rules.drafts:
        draft.unknown[EVERYTHING] = f"perhaps {rules.text} {what} this rule"
        draft.values["Enabled"] = ("True",)
    return False


def _selected(run: Run, command: Command, given: Values | None, verb: str, what: str) -> tuple[Rules, bool]:
    bound = bind(run, command, _SELECTING[verb])
    if _only_asked(run, bound):
        return Rules((), "", others=False), False
    everything = given is None and not bound.values and not bound.unknown and bound.input is None and not bound.murky
    if everything:
        message = f"{verb}-NetFirewallRule without a selector {what} every rule of the machine (mass change)"
        run.machine.warn(message, run.span(command), "name the rules with -Name or -Group")
        rules = Rules(tuple(run.machine.drafts), run.quote(command))
        return rules, _changed(run, command, rules, what)
    rules = select(run, command, bound, given)
    return rules, _changed(run, command, rules, what)


def _remove(run: Run, command: Command, given: Values | None) -> Values:
    rules, certain = _selected(run, command, given, "Remove", "removes")
    for draft in rules.drafts if certain else ():
        run.machine.remove(draft)
    return []


def _enable(run: Run, command: Command, given: Values | None) -> Values:
    return _toggled(run, command, given, "Enable", "enables", "True")


def _disable(run: Run, command: Command, given: Values | None) -> Values:
    return _toggled(run, command, given, "Disable", "disables", "False")


def _toggled(run: Run, command: Command, given: Values | None, verb: str, what: str, word: str) -> Values:
    rules, certain = _selected(run, command, given, verb, what)
    for draft in rules.drafts if certain else ():
        draft.values["Enabled"] = (word,)
        draft.unknown.pop("Enabled", None)
    return []


def _set(run: Run, command: Command, given: Values | None) -> Values:
    bound = bind(run, command, _SET)
    chosen = Bound({p: v for p, v in bound.values.items() if p in _NAMES}, input=bound.input, murky=bound.murky)
    chosen.unknown = {p: v for p, v in bound.unknown.items() if p in _NAMES}
    if _only_asked(run, bound):
        return []
    if given is None and not chosen.values and not chosen.unknown and chosen.input is None and not chosen.murky:
        message = "Set-NetFirewallRule without a selector changes every rule of the machine (mass change)"
        run.machine.warn(message, run.span(command), "name the rules with -Name or -Group")
    rules = select(run, command, chosen, given)
    if not _changed(run, command, rules, "changes"):
        for draft in rules.drafts:
            _forget(draft)
        return []
    for draft in rules.drafts:
        for parameter, values in bound.values.items():
            if parameter not in (*_NAMES, "PolicyStore"):
                draft.values["DisplayName" if parameter == "NewDisplayName" else parameter] = values
                draft.unknown.pop(parameter, None)
        draft.unknown.update({p: text for p, text in bound.unknown.items() if p not in _NAMES})
        if bound.murky:
            draft.unknown[EVERYTHING] = f"{bound.murky} is not known"
            _forget(draft)
    return []


def _forget(draft: Draft) -> None:
    """Nothing is known any more of what a rule asks for."""
    draft.values = {parameter: values for parameter, values in draft.values.items() if parameter in _TEXTS}
    draft.unknown["Direction"] = "is not known"


# --- profiles --------------------------------------------------------------------------------------


def _set_profile(run: Run, command: Command, given: Values | None) -> Values:
    bound = bind(run, command, _PROFILE)
    if _only_asked(run, bound):
        return []
    numbers = _numbers(run, command, bound)
    doubts = run.doubts()
    if bound.murky or given is not None or bound.input is not None or "Profile" in bound.unknown:
        return command.opaque(run, "which profiles are set, or to what, is not known")
    if bound.values.get("DisabledInterfaceAliases", ("NotConfigured",))[0] != "NotConfigured":
        return command.opaque(run, "interfaces without a firewall are not read")
    span = run.span(command)
    for switch in SWITCHES:
        unknown = bound.unknown.get(switch, "")
        values = bound.values.get(switch)
        if unknown:
            run.machine.not_understood(span, f"-{switch} {unknown} is not known")
            run.machine.set_profiles(numbers, switch, Setting("", span, f"-{switch} {unknown} is not known"))
        elif values:
            _switch(run, numbers, switch, values, command, bool(doubts))
    return []


def _numbers(run: Run, command: Command, bound: Bound) -> list[int]:
    words = [word.strip() for value in bound.values.get("Profile", ("Any",)) for word in value.split(",")]
    found: list[int] = []
    for word in words:
        if word.lower() in ("any", "*"):
            found += range(len(PROFILES))
        elif word.lower() in PROFILES:
            found.append(PROFILES.index(word.lower()))
        else:
            place = Place(run.page, command.start, command.end)
            run.machine.problems.add(
                error(f'no profile is called "{word}"', place.of(word), "write Domain, Private or Public")
            )
    return found


def _switch(run: Run, numbers: list[int], switch: str, values: tuple[str, ...], command: Command, doubt: bool) -> None:
    words = DEFAULT_ACTION if switch.endswith("Action") else SWITCH
    word = words.word(values[0]) if len(values) == 1 else None
    span = Place(run.page, command.start, command.end).of(values[0])
    if word is None:
        run.machine.problems.add(error(f'-{switch} is "{", ".join(values)}"', span, words.hint(values[0])))
    elif doubt:
        run.machine.set_profiles(numbers, switch, Setting(word, span, f"perhaps -{switch} is {word}"))
    elif not (switch == "AllowLocalFirewallRules" and word != "True"):
        run.machine.set_profiles(numbers, switch, Setting(word, span))


COMMANDS.update(
    {
        "new-netfirewallrule": _new,
        "get-netfirewallrule": _get,
        "remove-netfirewallrule": _remove,
        "enable-netfirewallrule": _enable,
        "disable-netfirewallrule": _disable,
        "set-netfirewallrule": _set,
        "set-netfirewallprofile": _set_profile,
    }
)
