"""Profiles, their includes and the settings of one run into a `Policy`."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from fwadvisor.decode import Document, Mapping, Node, Scalar, load, uncollected
from fwadvisor.decode.ignores import IgnoreRow, read_ignores
from fwadvisor.decode.reader import listing, raise_errors, suggestion
from fwadvisor.diagnostic import Diagnostic, Label, Severity, error
from fwadvisor.errors import ProfileError
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.policy import InlineFlow, Kind, Policy, ProfileUse, StatementKind
from fwadvisor.profile import parameters as params
from fwadvisor.profile.checks import StatementCheck
from fwadvisor.profile.search import Found, find, replaces_shipped
from fwadvisor.profile.sections import Use, read_defaults, read_header, read_log
from fwadvisor.profile.statements import StatementReader
from fwadvisor.profile.values import PortTextError, ProfileReader, Value, parse_value
from fwadvisor.profile.zones import read_zones, unique_zones

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database

#: The field names at the top of a profile.
FIELDS = (
    "profile", "title", "description", "owner", "reason", "ticket", "expires", "kind", "parameters", "zones",
    "include", "need", "forbid", "never", "defaults", "log", "dhcp_client", "ignores",
)  # fmt: skip
INCLUDE_FIELDS = ("profile", "with", "when")


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy, and what its owner should hear although nothing is wrong."""

    policy: Policy
    warnings: tuple[Diagnostic, ...] = ()
    #: Findings about rule files that the profiles decide to live with.
    ignores: tuple[IgnoreRow, ...] = ()


@dataclass(slots=True)
class Argument:
    """A value that an including profile gives."""

    reader: ProfileReader
    key: Scalar
    node: Node


@dataclass(slots=True)
class Inclusion:
    """Where and with what a profile is included."""

    by: Use
    node: Node
    arguments: dict[str, Argument]


#: The way from a profile that the user named: path, name, and the include by which it goes on.
Chain: TypeAlias = tuple[tuple[Path, str, Label | None], ...]


@dataclass(slots=True)
class Loading:
    """One run of the loader.

    `trial` tries profiles out: required parameters get stand-ins, optional ones are all "given" or all "absent".
    """

    database: Database
    settings: Table[str, str]
    today: date
    profile_dirs: Ordered[Path]
    trial: str = ""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    kind: Kind = Kind.HOST
    _flows: dict[str, tuple[InlineFlow, ...]] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)
    _documents: dict[Path, Document] = field(default_factory=dict)
    _seen: set[tuple[Path, tuple[tuple[str, str], ...]]] = field(default_factory=set)

    def read(self, names: Ordered[str]) -> None:
        """Read the named profiles and all that they include, and check them together."""
        roots: set[Path] = set()
        for name in names:
            found = find(name, self.profile_dirs)
            if isinstance(found, Diagnostic):
                self.diagnostics.append(found)
            elif found.path.resolve() in roots:
                self.diagnostics.append(error(f'the profile "{found.name}" is named twice', None, "name it once"))
            else:
                roots.add(found.path.resolve())
                self._note_replaced(replaces_shipped(name, found))
                self._use(found, None, ())
        self._check_settings()
        # Where profiles are for different machines, what each says of its own would only be called wrong.
        checked = self.uses if self._agree_on_kind() else ()
        for use in checked:
            if use.statements is not None and not use.reader.lenient:
                check = StatementCheck(use.reader, use.statements.zones, self.database, self.kind)
                for statement, node in use.statements.found:
                    check.check(statement, node)
        for use in self.uses:
            use.reader.diagnostics.sort(key=_position)
            self.diagnostics += use.reader.diagnostics

    # one profile

    def service_ports(self, name: str, transport: str) -> Intervals:
        """The one port that the registry knows under a service name.

        Raises:
            PortTextError: none, or several.
        """
        listed = self.database.registry.named(name)
        numbers = normalize((entry.first, entry.last) for entry in listed if transport in entry.transports)
        if len(numbers) == 1 and numbers[0][0] == numbers[0][1]:
            return numbers
        if numbers:
            raise PortTextError(f'"{name}" stands for several {transport} ports', "write the number")
        if listed:
            raise PortTextError(f'"{name}" is not registered for {transport}', "write the number")
        known = self.database.registry.names() if len(name) < 32 else ()
        raise PortTextError(f'there is no service "{name}"', suggestion(name, known) if known else "write a number")

    def _use(self, found: Found, inclusion: Inclusion | None, chain: Chain) -> None:
        path = found.path.resolve()
        if path not in self._documents:
            self._documents[path] = load(found.path, found.file)
        document = self._documents[path]
        if document.root is None:
            self.diagnostics += document.diagnostics
            return
        reader = ProfileReader(document, self.service_ports)
        fields = reader.fields(document.root, "a profile", FIELDS, ("profile", "title"))
        use = Use(found, reader, inclusion.by.found.name if inclusion is not None else "")
        if "parameters" in fields:
            params.read_parameters(reader, fields["parameters"])
        self._settle(use, inclusion)
        key = (path, tuple((name, value.text) for name, value in reader.values.items() if value is not None))
        if key in self._seen and inclusion is not None:
            return
        self._seen.add(key)
        self.uses.append(use)
        self._read_sections(use, fields)
        if "include" in fields:
            for node in reader.one_or_more(fields["include"], "include"):
                self._include(use, node, (*chain, (path, found.name, None)))

    def _read_sections(self, use: Use, fields: dict[str, Node]) -> None:
        reader = use.reader
        read_header(use, fields, self.today)
        zones = read_zones(reader, fields.get("zones"))
        use.statements = StatementReader(reader, zones, self.database, self.today, use.header, self._flows)
        for kind in StatementKind:
            if kind.value in fields:
                use.statements.read(kind, fields[kind.value])
        if "defaults" in fields:
            read_defaults(use, fields["defaults"])
        if "log" in fields:
            read_log(use, fields["log"])
        if "dhcp_client" in fields:
            use.dhcp_client = reader.boolean(fields["dhcp_client"], "dhcp_client") is not False
        if "ignores" in fields:
            use.ignores = read_ignores(reader, fields["ignores"])
        if not fields.keys() & {*StatementKind, "include", "defaults"} and reader.document.root is not None:
            reader.warning(reader.document.root, "the profile says nothing", "it has no need, forbid, never or include")

    # parameters

    def _settle(self, use: Use, inclusion: Inclusion | None) -> None:
        """Give every parameter its value in this run."""
        reader = use.reader
        absent: list[params.Parameter] = []
        for name, parameter in reader.declared.items():
            argument = inclusion.arguments.get(name) if inclusion is not None else None
            value, known = self._value(use, parameter, argument, inclusion is None)
            if not known:
                value = parameter.default
                if value is None and self.trial and inclusion is None:
                    value = self._stand_in(reader, parameter)
                if value is None and parameter.required:
                    absent.append(parameter)
            elif value is None:
                reader.broken.add(name)
            reader.values[name] = value
        if inclusion is not None:
            _unknown_arguments(use, inclusion)
        # What depends on a value that is missing or wrong would only be called wrong as well.
        reader.lenient = reader.lenient or bool(absent or reader.broken)
        if absent:
            if inclusion is None:
                reader.diagnostics.append(params.missing(reader, use.found.name, absent))
            else:
                _missing_arguments(use, inclusion, absent)

    def _value(
        self, use: Use, parameter: params.Parameter, argument: Argument | None, root: bool
    ) -> tuple[Value | None, bool]:
        """What an include or a setting says of a parameter, and whether one does."""
        if argument is not None and not argument.reader.absent(argument.node):
            return argument_value(argument, parameter), True
        for setting in (f"{use.found.name}.{parameter.name}", *((parameter.name,) if root else ())):
            if setting in self.settings:
                self._settled.add(setting)
                return params.setting_value(use.reader, parameter, setting, self.settings[setting]), True
        return None, False

    def _stand_in(self, reader: ProfileReader, parameter: params.Parameter) -> Value | None:
        if parameter.optional and self.trial == "absent":
            return None
        return parameter.example or params.setting_value(reader, parameter, parameter.name, parameter.stand_in())

    def _check_settings(self) -> None:
        known = {use.found.name: tuple(use.reader.declared) for use in self.uses}
        roots = {use.found.name for use in self.uses if not use.included_by}
        # A file that could not be read may declare anything.
        if known and not any(document.root is None for document in self._documents.values()):
            self.diagnostics += params.unknown_settings(self.settings, self._settled, known, roots)

    # includes

    def _include(self, use: Use, node: Node, chain: Chain) -> None:
        reader = use.reader
        named: Node = node
        arguments: dict[str, Argument] = {}
        if isinstance(node, Mapping):
            fields = reader.fields(node, "an include", INCLUDE_FIELDS, ("profile",))
            if "with" in fields and (section := reader.mapping(fields["with"], "with")) is not None:
                arguments = {key.text: Argument(reader, key, value) for key, value in section.pairs()}
            if ("when" in fields and not params.condition_holds(reader, fields["when"])) or "profile" not in fields:
                return
            named = fields["profile"]
        name = reader.text(named, "include")
        if name is None:
            return
        found = find(name, self.profile_dirs, reader.document.span(named), use.found.path.parent)
        if isinstance(found, Diagnostic):
            reader.diagnostics.append(found)
            return
        self._note_replaced(replaces_shipped(name, found, reader.document.span(named)))
        path = found.path.resolve()
        here = reader.label(named, f'"{use.found.name}" includes "{found.name}"')
        chain = (*chain[:-1], (*chain[-1][:2], here))
        if any(path == earlier for earlier, _, _ in chain):
            self._cycle(reader, named, chain, path, found.name)
            return
        self._use(found, Inclusion(use, named, arguments), chain)

    def _note_replaced(self, warning: Diagnostic | None) -> None:
        if warning is not None:
            self.diagnostics.append(warning)

    def _cycle(
        self,
        reader: ProfileReader,
        node: Node,
        chain: Chain,
        path: Path,
        name: str,
    ) -> None:
        start = next(i for i, (earlier, _, _) in enumerate(chain) if earlier == path)
        circle = chain[start:]
        way = " -> ".join([*(each for _, each, _ in circle), name])
        labels = [label for _, _, label in circle[:-1] if label is not None]
        reader.error(node, f"profiles include each other in a circle: {way}", "remove one of these includes", *labels)

    def _agree_on_kind(self) -> bool:
        """Settle what kind of machine this is; False where profiles disagree."""
        said = [use for use in self.uses if use.kind is not None]
        if not said:
            return True
        first = said[0]
        self.kind = first.kind or Kind.HOST
        for use in said[1:]:
            if use.kind is not first.kind and use.kind_node is not None and first.kind_node is not None:
                use.reader.error(
                    use.kind_node,
                    f'"{use.found.name}" is for a {use.kind}, but "{first.found.name}" is for a {first.kind}',
                    "generate them apart, or leave kind out of the profile that fits both",
                    first.reader.label(first.kind_node, f'"{first.found.name}" says so here'),
                )
                return False
        return True

    # the result

    def policy(self) -> Policy:
        """The policy of everything read; call it only where there are no errors."""
        each = [(use.found.name, use.statements) for use in self.uses]
        zones, statements = unique_zones(
            [(name, own.zones.found, [s for s, _ in own.found]) for name, own in each if own is not None]
        )
        rates = [use.log_rate for use in self.uses if use.log_rate is not None]
        unlimited = any(use.log_unlimited for use in self.uses)
        roots = [use.found.name for use in self.uses if not use.included_by]
        return Policy(
            name="+".join(roots),
            kind=self.kind,
            profiles=tuple(_info(use) for use in self.uses),
            zones=zones,
            statements=tuple(statements),
            defaults=tuple(default for use in self.uses for default in use.defaults),
            log_rate=min(rates) if rates else None if unlimited else 10,
            dhcp_client=all(use.dhcp_client for use in self.uses),
        )


def check_profile(
    name: str,
    database: Database,
    *,
    today: date,
    profile_dirs: Ordered[Path] = (),
) -> tuple[Diagnostic, ...]:
    """Every problem of one profile, tried out with and without its optional parameters.

    Parameters that must be set take their examples.
    """
    found: dict[Diagnostic, None] = {}
    for trial in ("given", "absent"):
        loading = Loading(database, {}, today, profile_dirs, trial)
        loading.read([name])
        found |= dict.fromkeys(loading.diagnostics)
    return tuple(found)


def argument_value(argument: Argument, parameter: params.Parameter) -> Value | None:
    """What an include passes: a parameter of the including profile, or a value written there."""
    reader, node = argument.reader, argument.node
    name = reader.parameter(node)
    if not name:
        return parse_value(reader, parameter, node)
    value = reader.value(node, name, f'the parameter "{parameter.name}"', parameter.type)
    if value is not None and parameter.choices and value.text not in parameter.choices:
        hint = suggestion(value.text, parameter.choices, "it is one of")
        reader.error(node, f'the parameter "{parameter.name}" cannot be "{value.text}"', hint)
        return None
    return value


def _unknown_arguments(use: Use, inclusion: Inclusion) -> None:
    for name, argument in inclusion.arguments.items():
        if name not in use.reader.declared and name not in use.reader.broken:
            hint = suggestion(name, use.reader.declared, "its parameters are") or "it has no parameters"
            argument.reader.error(argument.key, f'the profile "{use.found.name}" has no parameter "{name}"', hint)


def _missing_arguments(use: Use, inclusion: Inclusion, absent: list[params.Parameter]) -> None:
    labels = [use.reader.label(parameter.node, f"{parameter.name}: {parameter.help}") for parameter in absent]
    values = ", ".join(f"{parameter.name}: {parameter.stand_in()}" for parameter in absent)
    names = listing(parameter.name for parameter in absent)
    inclusion.by.reader.error(
        inclusion.node,
        f'"{use.found.name}" is included without a value for {names}',
        f"write  profile: {use.found.name}, with: {{{values}}}",
        *labels,
    )


def _position(diagnostic: Diagnostic) -> tuple[bool, int, int]:
    span = diagnostic.span
    return (True, 0, 0) if span is None or span.file == "--set" else (False, span.line, span.column)


def _info(use: Use) -> ProfileUse:
    header = use.header
    values = use.reader.values.items()
    return ProfileUse(
        name=use.found.name,
        title=header.title,
        file=use.found.file,
        parameters=tuple((name, value.text) for name, value in values if value is not None),
        included_by=use.included_by,
        description=header.description,
        owner=header.owner,
        reason=header.reason,
        ticket=header.ticket,
        expires=header.expires,
    )


def load_policy(
    names_or_paths: Ordered[str],
    settings: Table[str, str],
    database: Database,
    *,
    today: date,
    profile_dirs: Ordered[Path] = (),
) -> LoadedPolicy:
    """The policy of the named profiles with the given settings (``NAME`` or ``PROFILE.NAME`` to text).

    Raises:
        ProfileError: with every problem of every file in one run.
    """
    if not names_or_paths:
        raise ProfileError(error("no profile is named", None, "see: fwadvisor profiles list"))
    loading = Loading(database, settings, today, profile_dirs)
    with uncollected():
        loading.read(names_or_paths)
        raise_errors(loading.diagnostics, ProfileError)
        warnings = dict.fromkeys(d for d in loading.diagnostics if d.severity is Severity.WARNING)
        ignores = dict.fromkeys(row for use in loading.uses for row in use.ignores)
        return LoadedPolicy(loading.policy(), tuple(warnings), tuple(ignores))
