"""Arguments to the parameters of a cmdlet: names cut short, aliases, switches, splatting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fwadvisor.diagnostic import did_you_mean, error
from fwadvisor.dialects.reading.windows.page import Text, text_at
from fwadvisor.dialects.reading.windows.powershell.expressions import Listed, Literal, Variable
from fwadvisor.dialects.reading.windows.powershell.values import Rules, Table, Unknown, Value, text_of, truth

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.commands import Argument, Command
    from fwadvisor.dialects.reading.windows.powershell.expressions import Expression
    from fwadvisor.dialects.reading.windows.powershell.run import Run

#: Parameters of every cmdlet, which change nothing that is read here; with their aliases.
_COMMON = (
    "ErrorAction", "EA", "WarningAction", "WA", "InformationAction", "InfA", "ErrorVariable", "EV", "WarningVariable",
    "WV", "InformationVariable", "IV", "OutVariable", "OV", "OutBuffer", "OB", "PipelineVariable", "PV",
    "ThrottleLimit", "ProgressAction",
)  # fmt: skip
_COMMON_SWITCHES = ("Verbose", "VB", "Debug", "DB", "AsJob", "PassThru", "WhatIf", "Confirm", "CF")
#: Parameters whose values are no texts, or of no interest.
_NO_TEXT = frozenset({"", "All", "InputObject", "GPOSession", "CimSession", *_COMMON, *_COMMON_SWITCHES})


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of one cmdlet: `switches` take no value, `aliases` are other names."""

    name: str
    parameters: tuple[str, ...]
    switches: tuple[str, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    positional: str = ""
    #: Every name in lower case -> the parameter; filled on the way with names cut short.
    known: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str | None:
        """The parameter that a name in lower case means; None where there is none, or several."""
        if not self.known:
            names = (*self.parameters, *self.switches, *_COMMON, *_COMMON_SWITCHES)
            self.known.update({each.lower(): each for each in names} | {"wi": "WhatIf"})
            self.known.update(self.aliases)
        found = self.known.get(name)
        if found is None and name:
            hits = {of for each, of in self.known.items() if each.startswith(name)}
            if len(hits) == 1:
                (found,) = hits
                self.known[name] = found
        return found

    def is_switch(self, parameter: str) -> bool:
        """Whether a parameter takes no value of its own."""
        return parameter in self.switches or parameter in _COMMON_SWITCHES


@dataclass(slots=True)
class Bound:
    """The arguments of one call."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Parameters whose value is not known, and its text.
    unknown: dict[str, str] = field(default_factory=dict)
    switches: dict[str, bool | None] = field(default_factory=dict)
    #: What -InputObject got.
    input: Value = None
    #: The text of a splatted variable that is not known.
    murky: str = ""
    #: The hashtable literal that was splatted.
    table: Table | None = None

    def holds(self, switch: str) -> bool:
        """Whether a switch is on."""
        return self.switches.get(switch, False) is True


def bind(run: Run, command: Command, signature: Signature) -> Bound:
    """The arguments of a call; what the cmdlet would refuse is noted as a problem."""
    bound = Bound()
    waiting: str | None = ""
    for argument in command.arguments:
        if waiting and not argument.name and not argument.splat and argument.value is not None:
            _take(run, bound, waiting, argument, argument.value)
            waiting = ""
            continue
        if waiting is None and not argument.name and not argument.splat:
            waiting = ""
            continue  # the value of a parameter that there is not
        waiting = ""
        if argument.splat:
            _splat(run, bound, signature, argument)
        elif argument.name:
            parameter = _named(run, signature, argument.name, argument)
            if not parameter:
                waiting = None if argument.value is None else ""
            elif argument.value is not None:
                _take(run, bound, parameter, argument, argument.value)
            elif signature.is_switch(parameter):
                bound.switches[parameter] = True
            else:
                waiting = parameter
        elif argument.value is not None:
            if signature.positional and not bound.values.keys() & {signature.positional} and bound.input is None:
                _take(run, bound, signature.positional, argument, argument.value)
            else:
                _refuse(run, argument, f"{signature.name} takes no argument here", "name the parameter")
    if waiting and waiting not in _COMMON:
        _refuse(run, command.arguments[-1], f"-{waiting} needs a value")
    return bound


def _refuse(run: Run, at: Argument, message: str, hint: str = "") -> None:
    run.machine.problems.add(error(message, run.page.span(at.start, at.end - at.start), hint))


def _named(run: Run, signature: Signature, name: str, at: Argument) -> str:
    parameter = signature.find(name)
    if parameter is None:
        shown = run.page.text[at.start : at.end].partition(":")[0] if not at.splat else f"-{name}"
        several = sorted({of for each, of in signature.known.items() if each.startswith(name)})
        if several:
            _refuse(run, at, f'"{shown}" may be {" or ".join(f"-{each}" for each in several)}')
        else:
            _refuse(run, at, f"{signature.name} has no parameter {shown}", did_you_mean(name, signature.parameters))
        return ""
    return parameter


def _take(run: Run, bound: Bound, parameter: str, argument: Argument, node: Expression) -> None:
    if parameter in bound.values or parameter in bound.unknown or parameter in bound.switches:
        _refuse(run, argument, f"-{parameter} is given twice")
        return
    if isinstance(node, Variable) and node.name in run.defaults and parameter not in _COMMON:
        name = node.name
        span = run.page.span(run.defaults[name], len(name) + 1)
        run.machine.warn(f"parameter -{name} is read with its default", span, "what other arguments do is not read")
    value = node.value(run)
    if parameter == "Enabled" and isinstance(value, bool):
        hint = f"write -Enabled {value}, without $"
        _refuse(run, argument, "-Enabled takes the words True and False, and no boolean", hint)
        return
    _set(run, bound, parameter, _placed(node, value))


def _placed(node: Expression, value: Value) -> Value:
    """Numbers as texts with their place."""
    if isinstance(node, Literal) and isinstance(value, int) and not isinstance(value, bool):
        return text_at(f"{value}", node.start)
    if isinstance(node, Listed) and isinstance(value, list):
        return [_placed(part, each) for part, each in zip(node.parts, value, strict=True)]
    return value


def _splat(run: Run, bound: Bound, signature: Signature, argument: Argument) -> None:
    value = argument.value.value(run) if argument.value is not None else None
    if not isinstance(value, Table):
        bound.murky = run.page.text[argument.start : argument.end]
        return
    if value.murky:
        bound.murky = value.murky
        return
    bound.table = value
    known, values = signature.known, bound.values
    for key, each in value.items():
        parameter = known.get(key) or _named(run, signature, key, argument)
        if type(each) is Text and parameter not in values and parameter not in _NO_TEXT:
            values[parameter] = (each,)
        elif parameter in values:
            _refuse(run, argument, f"-{parameter} is given twice")
        elif parameter == "Enabled" and isinstance(each, bool):
            _refuse(run, argument, "-Enabled takes the words True and False, and no boolean")
        elif parameter:
            _set(run, bound, parameter, each)


def _set(run: Run, bound: Bound, parameter: str, value: Value) -> None:
    if parameter in ("InputObject", "GPOSession", "CimSession"):
        if parameter == "InputObject":
            bound.input = value
        return
    if parameter in _COMMON:
        return
    if parameter in _COMMON_SWITCHES or parameter == "All":
        bound.switches[parameter] = truth(value)
        return
    texts = texts_of(value)
    if texts is None:
        bound.unknown[parameter] = value.text if isinstance(value, Unknown) else "has parts that are not known"
    elif texts:
        run.spend(len(texts) // 4)
        bound.values[parameter] = texts


def texts_of(value: Value) -> tuple[str, ...] | None:
    """A value as the texts that a parameter gets; None where one is not known."""
    if isinstance(value, str):
        return (value,)
    if value is None:
        return ()
    if isinstance(value, list):
        found: list[str] = []
        for each in value:
            if isinstance(each, str):
                found.append(each)
                continue
            inner = texts_of(each)
            if inner is None:
                return None
            found += inner
        return tuple(found)
    if isinstance(value, Unknown | Rules | Table):
        return None
    text = text_of(value)
    return None if text is None else (text,)
