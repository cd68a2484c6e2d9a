"""Commands: which are carried out, which change nothing here, and which nobody can know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwadvisor.dialects.reading.windows.draft import Draft, Given
from fwadvisor.dialects.reading.windows.powershell import functions
from fwadvisor.dialects.reading.windows.powershell.operators import binary, member
from fwadvisor.dialects.reading.windows.powershell.values import (
    Block,
    Rules,
    Table,
    Unknown,
    Value,
    elements,
    text_of,
    truth,
)

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.windows.powershell.expressions import Expression
    from fwadvisor.dialects.reading.windows.powershell.run import Run
    from fwadvisor.dialects.reading.windows.powershell.statements import Body

#: Verbs of cmdlets that change nothing of the firewall.
_READING_VERBS = frozenset(
    {
        "get", "test", "write", "out", "format", "select", "sort", "measure", "join", "split", "resolve", "convertto",
        "convertfrom", "compare", "group", "read", "show", "wait", "export", "tee", "find", "search", "trace",
        "assert", "push", "pop", "debug", "limit",
    }
)  # fmt: skip
#: Nouns of cmdlets that change other things.
_OTHER_NOUNS = (
    "scheduledtask", "scheduledtaskaction", "scheduledtasktrigger", "scheduledtaskprincipal",
    "scheduledtasksettingsset", "transcript", "sleep", "strictmode", "location", "psdebug", "object", "timespan",
    "guid", "executionpolicy", "content", "host", "eventlog", "psdrive", "computer", "alias", "random", "date",
    "windowsfeature", "windowsoptionalfeature", "windowscapability", "package", "module", "csv", "clixml",
    "localizeddata", "powershelldatafile",
)  # fmt: skip
#: Cmdlets and programs for files, the registry and services: harmless unless they touch the firewall's.
_ITEM_NOUNS = ("item", "itemproperty", "service")
_ITEM_PROGRAMS = ("reg", "reg.exe", "sc.exe", "net", "net.exe")
_FIREWALLS_OWN = ("firewallpolicy", "windowsfirewall", "sharedaccess", "mpssvc", "bfe")
_HARMLESS = frozenset(
    {
        "echo", "cls", "clear-host", "pause", "cd", "mkdir", "md", "sls", "ft", "fl", "select", "sort", "measure",
        "title", "rem", "color", "exit-pssession", "timeout", "chcp", "setlocal", "endlocal", "whoami", "hostname",
        "ipconfig", "ping", "sleep", "add-type", "update-help", "start-sleep", "out-null", "ni",
    }
)  # fmt: skip
_PREFIXES = ("microsoft.powershell.utility\\", "microsoft.powershell.management\\", "netsecurity\\")
Values = list[Value]


@dataclass(slots=True)
class Argument:
    """One argument as written: a parameter's name, a value or a splatted variable."""

    start: int
    end: int
    #: The parameter's name, "" for a value.
    name: str
    value: Expression | None
    splat: bool = False


@dataclass(slots=True)
class Command:
    """A command by its name, or by an expression that gives the name."""

    start: int
    end: int
    name: str | Expression
    arguments: tuple[Argument, ...]
    #: Whether the arguments hold commands of their own that may change the firewall.
    nested: bool = False
    #: Whether its output goes to a file or nowhere.
    redirected: bool = False

    def run(self, run: Run, given: Values | None) -> Values:
        """Carry it out; `given` is what comes through the pipeline."""
        name = self.name
        if not isinstance(name, str):
            value = name.value(run)
            if isinstance(value, Block) and not self.arguments and given is None:
                return self.block(run, value)
            text = text_of(value)
            if text is None or isinstance(value, list):
                return self.opaque(run, f"{run.quote(self)} runs what only the machine knows")
            name = text.rpartition("\\")[2].lower()
        return self.called(run, name, given)

    def called(self, run: Run, name: str, given: Values | None) -> Values:
        """Carry out what goes by a name."""
        function = run.functions.get(name)
        if function is not None:
            return functions.call(run, function, self, given)
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        known = COMMANDS.get(name)
        if known is not None:
            return known(run, self, given)
        if harmless(name):
            return self.ignored(run, name)
        return self.opaque(run, f"what {name} does is not known")

    def block(self, run: Run, block: Block) -> Values:
        """Carry out the statements of a script block."""
        out: Values = []
        run.signal = run.body(block.body, out)
        return out

    def ignored(self, run: Run, name: str) -> Values:
        """Nothing here; but a registry key of the firewall is one of its rules or switches."""
        verb, _, noun = name.partition("-")
        item = (noun in _ITEM_NOUNS and verb not in _READING_VERBS) or name in _ITEM_PROGRAMS
        if self.nested or item:
            values = [argument.value.value(run) for argument in self.arguments if argument.value is not None]
            if item and self.own(run, values, certain=noun == "itemproperty"):
                return self.opaque(run, "registry values or services of the firewall may be changed here")
        return [Unknown(run.quote(self))] if _puts_out(name) else []

    def own(self, run: Run, values: Values, *, certain: bool) -> bool:
        """Whether arguments name what is the firewall's own; with `certain`, also where they are not known."""
        texts = [run.page.text[self.start : self.end]]
        for value in values:
            for each in value.values() if isinstance(value, Table) else [value]:
                text = text_of(each)
                if text is None and certain:
                    return True
                texts.append(text or "")
        return any(word in text.lower() for text in texts for word in _FIREWALLS_OWN)

    def opaque(self, run: Run, reason: str) -> Values:
        """Nobody can know what this does to the firewall."""
        run.doubts()
        run.machine.not_read(run.span(self), run.quote(self), reason)
        return [Unknown(run.quote(self))]


def harmless(name: str) -> bool:
    """Whether a command changes nothing of the firewall, as far as its name tells."""
    verb, dash, noun = name.partition("-")
    if "firewall" in name or "netipsec" in name or "netgpo" in name:
        return verb in ("get", "show", "find") or name in ("open-netgpo", "save-netgpo")
    if not dash:
        return name in _HARMLESS or name in _ITEM_PROGRAMS
    return verb in _READING_VERBS or noun in _OTHER_NOUNS or noun in _ITEM_NOUNS or name in _HARMLESS


def changes(name: str) -> bool:
    """Whether a command may change the firewall."""
    return not harmless(name) and name not in _FLOW


def _puts_out(name: str) -> bool:
    return not name.startswith(
        ("write-host", "write-warning", "write-verbose", "write-error", "out-", "set-", "start-")
    )


# --- commands that shape the flow ------------------------------------------------------------------


def _where(run: Run, command: Command, given: Values | None) -> Values:
    """Where-Object with a block, or with a property, an operator and a value."""
    test = _test(run, command)
    found: Values = []
    for each in given or []:
        inside: tuple[Value, ...] = each.drafts if isinstance(each, Rules) else (each,)
        kept: Values = []
        for one in inside:
            known = None if isinstance(one, Unknown) else test(one)
            if known is None:
                return [Unknown(run.quote(command))]
            if known:
                kept.append(one)
        if isinstance(each, Rules):
            drafts = tuple(one for one in kept if isinstance(one, Draft))
            found.append(Rules(drafts, run.quote(command), each.others, each.sure))
        else:
            found.extend(kept)
    return found


def _test(run: Run, command: Command) -> Callable[[Value], bool | None]:
    values = [argument for argument in command.arguments if argument.value is not None and not argument.splat]
    block = values[0].value.value(run) if values and values[0].value is not None else None
    if isinstance(block, Block) and len(values) == 1:
        body = block.body
        node = _only_expression(body)

        def passes(each: Value) -> bool | None:
            run.variables["_"] = each
            if node is not None:
                run.spend(1)
                return truth(node.value(run))
            out: Values = []
            run.body(body, out)
            return truth(out if len(out) != 1 else out[0])

        return passes
    names = [argument.name for argument in command.arguments if argument.name]
    if isinstance(block, str) and len(values) == 2 and len(names) == 1 and values[1].value is not None:
        wanted, operator, path = values[1].value.value(run), names[0], block.lower()
        return lambda each: truth(binary(operator, member(each, path), wanted, run.spend))
    return lambda _each: None


def _only_expression(body: Body) -> Expression | None:
    """The expression that a body is, if it is nothing else."""
    from fwadvisor.dialects.reading.windows.powershell.statements import Pipeline

    if len(body) != 1 or not isinstance(body[0], Pipeline) or body[0].then or isinstance(body[0].first, Command):
        return None
    return body[0].first


def _for_each(run: Run, command: Command, given: Values | None) -> Values:
    """ForEach-Object with one block."""
    values = [argument.value for argument in command.arguments if argument.value is not None]
    block = values[0].value(run) if len(values) == 1 else None
    if not isinstance(block, Block):
        return command.opaque(run, "this form of ForEach-Object is not read")
    out: Values = []
    for each in given or []:
        inside = elements(each) if not isinstance(each, Table) else [each]
        if inside is None:
            out.extend(_for_all(run, command, block, each))
            continue
        for one in inside:
            run.variables["_"] = one
            signal = run.body(block.body, out)
            if signal is not None and signal.value in ("break", "exit", "throw"):
                run.signal = signal
                return out
    return out


def _for_all(run: Run, command: Command, block: Block, each: Value) -> Values:
    """The block for all values that there may be."""
    before = run.snapshot()
    run.variables["_"] = each if isinstance(each, Unknown) else Unknown("$_")
    out: Values = []
    run.under(Given(run.quote(command)), command, block.body, out)
    run.join(before)
    return out


def _out_null(_run: Run, _command: Command, _given: Values | None) -> Values:
    return []


def _write_output(run: Run, command: Command, given: Values | None) -> Values:
    out: Values = list(given or [])
    for argument in command.arguments:
        if argument.value is None or argument.name:
            return [Unknown(run.quote(command))]
        found = elements(value := argument.value.value(run))
        out.extend([value] if found is None else found)
    return out


def _join_path(run: Run, command: Command, _given: Values | None) -> Values:
    """Join-Path of two parts, which may go by name."""
    parts = []
    for argument in command.arguments:
        if argument.name and argument.name not in ("path", "childpath"):
            return [Unknown(run.quote(command))]
        if argument.value is not None:
            parts.append(text_of(argument.value.value(run)))
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        return [Unknown(run.quote(command))]
    return [parts[0].rstrip("\\") + "\\" + parts[1].lstrip("\\")]


def _set_variable(run: Run, command: Command, _given: Values | None) -> Values:
    """Set-Variable and its like: some variable is not known any more."""
    for name in run.variables:
        run.variables[name] = Unknown(run.quote(command))
    return []


Handler = Callable[["Run", Command, "Values | None"], Values]
_FLOW: dict[str, Handler] = {
    "where-object": _where,
    "where": _where,
    "?": _where,
    "foreach-object": _for_each,
    "foreach": _for_each,
    "%": _for_each,
    "out-null": _out_null,
    "write-output": _write_output,
    "echo": _write_output,
    "join-path": _join_path,
    "set-variable": _set_variable,
    "new-variable": _set_variable,
    "clear-variable": _set_variable,
    "remove-variable": _set_variable,
}
#: Commands that are carried out, by name in lower case; `rules` and `netsh` add theirs.
COMMANDS: dict[str, Handler] = dict(_FLOW)
