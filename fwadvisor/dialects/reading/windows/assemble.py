"""The machine to a firewall: profiles, bypass over Block over Allow, then the defaults (MS-FASP 2.2.34, 2.2.38)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fwadvisor.diagnostic import Diagnostic, Span
from fwadvisor.dialects.reading.windows.build import Builder, Built
from fwadvisor.dialects.reading.windows.draft import Machine, Setting
from fwadvisor.model.firewall import (
    PROFILES,
    Action,
    BaseChain,
    Condition,
    ConditionTest,
    Decide,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Point,
    Test,
    Unknown,
)
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import Hook, State, Verdict

_STATES = frozenset({State.NEW, State.ESTABLISHED})
_ACCEPT, _DROP = Decide(Verdict.ACCEPT), Decide(Verdict.DROP)


@dataclass(frozen=True, slots=True)
class _Side:
    """One direction: its chain, the switch of its default, and what Windows comes with."""

    inbound: bool
    chain: str
    point: Point
    switch: str
    shipped: str


_SIDES = (
    _Side(True, "inbound", Point.INPUT, "DefaultInboundAction", "Block"),
    _Side(False, "outbound", Point.OUTPUT, "DefaultOutboundAction", "Allow"),
)


def assemble(machine: Machine, name: str) -> Firewall:
    """What the machine does.

    Raises:
        ReadError: there were problems.
    """
    nowhere = Span(name, 1)
    built = _build(machine)
    for side in _SIDES:
        _warn_of_default(machine, side, nowhere)
    if not machine.complete:
        hint = "what is read here is taken for the whole policy"
        machine.warn("other rules on the machine are not in this file", nowhere, hint)
    machine.problems.found.sort(key=_place)
    machine.problems.raise_any()
    chains, bases = {}, []
    for side in _SIDES:
        default, last = _default(machine, side, nowhere)
        first = [*_unread(machine), *_gates(machine, side, nowhere)]
        chains[side.chain] = FirewallChain(side.chain, (*first, *_ordered(built, side.inbound), *last))
        span = _set_by(machine, side, default)
        bases.append(BaseChain(point=side.point, chain=side.chain, default=default, span=span))
    return Firewall(
        name=name,
        dialect="windows",
        chains=chains,
        bases=tuple(bases),
        hooks=frozenset({Hook.INPUT, Hook.OUTPUT}),
        states=_STATES,
        implicit=_STATES - {State.NEW},
        opening_only=True,
        loopback=False,
        crossed_icmp=False,
        opaque=tuple(machine.opaque),
        warnings=tuple(machine.warnings),
    )


def _place(problem: Diagnostic) -> tuple[str, int, int]:
    """Problems are shown from top to bottom, though some are found only when everything is known."""
    span = problem.span
    return (span.file, span.line, span.column) if span else ("", 0, 0)


def _build(machine: Machine) -> list[Built]:
    """The rules of every draft; those that are disabled are checked and counted, and left out."""
    builder = Builder(machine)
    found = [built for draft in machine.drafts if (built := builder.build(draft)) is not None]
    disabled = [each for each in found if each.disabled]
    if disabled:
        count = "1 disabled rule decides" if len(disabled) == 1 else f"{len(disabled)} disabled rules decide"
        machine.warn(f"{count} nothing", disabled[0].rule.span)
    return [each for each in found if not each.disabled]


def _ordered(built: Iterable[Built], inbound: bool) -> list[FirewallRule]:
    chosen = [each for each in built if (each.inbound if inbound else each.outbound)]
    return [each.rule for each in sorted(chosen, key=lambda each: each.kind)]


def _unread(machine: Machine) -> list[FirewallRule]:
    """A rule for each part that may decide anything."""
    return [
        FirewallRule(
            tests=(ConditionTest(Condition(text, understood=False)),), action=Unknown(reason), span=span, text=text
        )
        for span, text, reason in machine.unread
    ]


# --- profiles --------------------------------------------------------------------------------------


def _of_profiles(machine: Machine, nowhere: Span, what: Callable[[dict[str, Setting]], _Said]) -> list[FirewallRule]:
    """A rule for each answer that `what` gives of profiles, limited to those."""
    numbers: dict[_Said, list[int]] = {}
    for number, switches in enumerate(machine.profiles):
        said = what(switches)
        if said.action is not None:
            numbers.setdefault(said, []).append(number)
    found = []
    for said, chosen in numbers.items():
        tests: tuple[Test, ...] = ()
        if len(chosen) < len(PROFILES):
            tests = (IntegerTest(Field.PROFILE, normalize((n, n) for n in chosen)),)
        names = "every profile" if not tests else "profile " + ", ".join(PROFILES[n] for n in chosen)
        action = said.action or _DROP
        found.append(FirewallRule(tests=tests, action=action, span=said.span or nowhere, text=f"{names}: {said.text}"))
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """What a switch of one profile does to the packets that get so far; None for nothing."""

    action: Action | None = None
    text: str = ""
    span: Span | None = None


def _gates(machine: Machine, side: _Side, nowhere: Span) -> list[FirewallRule]:
    """Profiles that are off, and inbound those that let nothing in."""

    def off(switches: dict[str, Setting]) -> _Said:
        return _switched(switches.get("Enabled"), _ACCEPT, "the firewall is off")

    def shielded(switches: dict[str, Setting]) -> _Said:
        return _switched(switches.get("AllowInboundRules"), _DROP, "no rule lets anything in")

    gates = _of_profiles(machine, nowhere, off)
    return gates + _of_profiles(machine, nowhere, shielded) if side.inbound else gates


def _switched(setting: Setting | None, action: Action, text: str) -> _Said:
    if setting is None:
        return _Said()
    if setting.unknown:
        return _Said(Unknown(setting.unknown), f"perhaps {text}", setting.span)
    return _Said(action, text, setting.span) if setting.word == "False" else _Said()


def _default(machine: Machine, side: _Side, nowhere: Span) -> tuple[Verdict, list[FirewallRule]]:
    """What happens where no rule matches: the verdict of most profiles, and rules for the others."""
    settings = [switches.get(side.switch) for switches in machine.profiles]
    words = {None if s and s.unknown else _word(s, side.shipped) for s in settings}
    if len(words) == 1 and None not in words:
        return (Verdict.ACCEPT if words == {"Allow"} else Verdict.DROP), []

    def said(switches: dict[str, Setting]) -> _Said:
        setting = switches.get(side.switch)
        if setting and setting.unknown:
            return _Said(Unknown(setting.unknown), f"{side.switch} is not known", setting.span)
        if _word(setting, side.shipped) == "Block":
            return _Said()
        return _Said(_ACCEPT, f"{side.switch} is Allow", setting.span if setting else None)

    return Verdict.DROP, _of_profiles(machine, nowhere, said)


def _set_by(machine: Machine, side: _Side, default: Verdict) -> Span | None:
    """The first setting that says the default; None where only Windows itself says it."""
    word = "Allow" if default is Verdict.ACCEPT else "Block"
    settings = (switches.get(side.switch) for switches in machine.profiles)
    return next((each.span for each in settings if each and not each.unknown and each.word == word), None)


def _word(setting: Setting | None, shipped: str) -> str:
    return setting.word if setting and setting.word != "NotConfigured" else shipped


def _warn_of_default(machine: Machine, side: _Side, nowhere: Span) -> None:
    """Say where the default that Windows comes with had to be taken."""
    open_ = [
        PROFILES[number]
        for number, switches in enumerate(machine.profiles)
        if side.switch not in switches and not _closed(switches, side)
    ]
    if open_:
        which = "any profile" if len(open_) == len(PROFILES) else f"profile {', '.join(open_)}"
        machine.warn(
            f"{side.switch} is not set for {which}, so {side.shipped} is taken, as Windows comes",
            nowhere,
            "Set-NetFirewallProfile sets it in a script; an export made with export-rules.ps1 holds it",
        )


def _closed(switches: dict[str, Setting], side: _Side) -> bool:
    """Whether no default is asked for, because the profile is off or lets nothing in."""
    off = switches.get("Enabled")
    shield = switches.get("AllowInboundRules") if side.inbound else None
    return any(setting is not None and setting.word == "False" and not setting.unknown for setting in (off, shield))
