"""Calls of the script's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwadvisor.dialects.reading.windows.powershell.values import Table, Unknown, Value

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.commands import Command
    from fwadvisor.dialects.reading.windows.powershell.run import Run
    from fwadvisor.dialects.reading.windows.powershell.statements import Function, Parameter

#: Functions that call functions.
_DEEPEST = 16
#: What a parameter of these types is without an argument.
_EMPTY: dict[str, Value] = {"string": "", "int": 0, "switch": False, "bool": False}


def call(run: Run, function: Function, command: Command, given: list[Value] | None) -> list[Value]:
    """What a call puts out; one that changes nothing of the firewall is not carried out."""
    if not _changes(run, function, set()):
        return [Unknown(run.quote(command))]
    bound = None if given is not None else _bind(run, function, command)
    if bound is None or run.depth >= _DEEPEST:
        return command.opaque(run, f"how {function.name} is called here is not read")
    from fwadvisor.dialects.reading.windows.powershell.statements import Signal

    outside, before = run.variables, run.given
    run.frames.append(outside)
    run.variables = {**outside, **bound}
    run.spend(len(outside) // 16)
    run.depth += 1
    out: list[Value] = []
    signal = run.body(function.body, out)
    run.depth -= 1
    run.variables = run.frames.pop()
    if signal in (Signal.EXIT, Signal.THROW):
        run.signal = signal
    else:
        run.given = before
    return out


def _changes(run: Run, function: Function, seen: set[str]) -> bool:
    """Whether a function, or one that it calls, has commands that may change the firewall or outer variables."""
    if function.changes:
        return True
    seen.add(function.name.lower())
    called = (run.functions.get(name) for name in function.calls - seen)
    return any(_changes(run, each, seen) for each in called if each is not None)


def _bind(run: Run, function: Function, command: Command) -> dict[str, Value] | None:
    """The values of a function's parameters; None where the call is not understood."""
    left = {parameter.name.lower(): parameter for parameter in function.parameters}
    bound: dict[str, Value] = {}
    waiting: Parameter | None = None
    positional: list[Value] = []
    for argument in command.arguments:
        if argument.splat:
            value = argument.value.value(run) if argument.value else None
            if not isinstance(value, Table) or value.murky or not value.keys() <= left.keys():
                return None
            bound.update(value)
        elif argument.name:
            found = [p for name, p in left.items() if name == argument.name]
            found = found or [p for name, p in left.items() if name.startswith(argument.name)]
            if len(found) != 1:
                return None
            waiting = None
            if argument.value is not None:
                bound[found[0].name.lower()] = argument.value.value(run)
            elif found[0].type == "switch":
                bound[found[0].name.lower()] = True
            else:
                waiting = found[0]
        elif argument.value is not None and waiting is not None:
            bound[waiting.name.lower()] = argument.value.value(run)
            waiting = None
        elif argument.value is not None:
            positional.append(argument.value.value(run))
    return _complete(run, left, bound, positional)


def _complete(
    run: Run, parameters: dict[str, Parameter], bound: dict[str, Value], positional: list[Value]
) -> dict[str, Value] | None:
    """Positional arguments in order, and defaults for the rest."""
    open_ = [name for name, parameter in parameters.items() if name not in bound and parameter.type != "switch"]
    if len(positional) > len(open_):
        return None
    bound.update(zip(open_, positional, strict=False))
    for name, parameter in parameters.items():
        if name not in bound:
            default = parameter.default
            bound[name] = default.value(run) if default is not None else _EMPTY.get(parameter.type)
    return bound
