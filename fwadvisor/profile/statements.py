"""The three statements of a profile: need, forbid, never."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from fwadvisor.decode import Mapping, Node, Scalar
from fwadvisor.decode.reader import listing, suggestion
from fwadvisor.diagnostic import Severity, did_you_mean
from fwadvisor.model.policy import InlineFlow, Media, Statement, StatementKind, Strategy
from fwadvisor.model.rule import Verdict
from fwadvisor.profile.flows import read_flow
from fwadvisor.profile.parameters import condition_holds
from fwadvisor.profile.values import ProfileReader
from fwadvisor.profile.zones import Zones

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.facts import Application

#: Days before its end at which a grant is warned about.
WARNING_DAYS = 30
RISKS = ("critical", "high", "medium", "low")

_SUBJECTS = ("application", "flow", "risk")
_ABOUT = ("when", "log", "title", "reason", "owner", "ticket", "expires")
_APPLICATION = ("application", "roles", "only")
_FLOW = ("flow", "from", "to")
#: The field names of each statement.
FIELDS: dict[StatementKind, frozenset[str]] = {
    StatementKind.NEED: frozenset((*_APPLICATION, "features", "modes", "flows", "media", *_FLOW, *_ABOUT)),
    StatementKind.FORBID: frozenset((*_APPLICATION, *_FLOW, "verdict", *_ABOUT)),
    StatementKind.NEVER: frozenset((*_APPLICATION, *_FLOW, "risk", *_ABOUT)),
}
_OF_APPLICATION = frozenset((*_APPLICATION, "features", "modes", "flows", "media"))
MEDIA_FIELDS = ("strategy", "tcp", "udp", "calls", "streams", "data", "protected", "preset", "server")


@dataclass(slots=True)
class Header:
    """What stands at the top of a profile and holds for its statements where they say nothing."""

    name: str = ""
    title: str = ""
    description: str = ""
    owner: str = ""
    reason: str = ""
    ticket: str = ""
    expires: date | None = None


@dataclass(slots=True)
class StatementReader:
    """Reads the statements of one use of a profile."""

    reader: ProfileReader
    zones: Zones
    database: Database
    today: date
    header: Header
    flows: dict[str, tuple[InlineFlow, ...]]
    #: Each statement with its node and, for applications, what it is about; for the checks at the end.
    found: list[tuple[Statement, Node]] = field(default_factory=list)
    #: How many statements do not apply in this run, because their `when` does not hold.
    skipped: int = 0

    def read(self, kind: StatementKind, section: Node) -> None:
        """The statements of one section into `found`."""
        for node in self.reader.children(section, kind.value):
            lenient = self.reader.lenient
            before, silent = len(self.reader.diagnostics), self.reader.silent
            fields = self.reader.fields(node, f"a {kind}", FIELDS[kind])
            holds = condition_holds(self.reader, fields["when"]) if "when" in fields else True
            self.skipped += not holds
            self.reader.lenient = lenient or not holds
            values = self._values(kind, node, fields)
            self.reader.lenient = lenient
            if holds and values is not None and silent == self.reader.silent and not errors_since(self.reader, before):
                self.found.append((values, node))

    def _values(self, kind: StatementKind, node: Node, fields: dict[str, Node]) -> Statement | None:
        reader, header = self.reader, self.header
        if not isinstance(node, Mapping) or not self._one_subject(kind, node, fields):
            return None
        expires = read_expiry(reader, fields["expires"], f"this {kind}", self.today) if "expires" in fields else None
        about = {name: reader.text(child, name) or "" for name, child in reader.written(fields, *_TEXTS)}
        log = reader.boolean(fields["log"], "log") if "log" in fields else False
        verdict = Verdict.DROP if kind is StatementKind.FORBID else None
        if "verdict" in fields:
            word = reader.word(fields["verdict"], "verdict of a forbid", ("drop", "reject"))
            verdict = Verdict(word) if word is not None else None
        application: Application | None = None
        sources: tuple[str, ...] = ()
        destinations: tuple[str, ...] = ()
        if "application" in fields:
            application = self._application(fields["application"])
            if application is None:
                return None
        else:
            sources = self._zone_names(kind, node, fields, "from")
            destinations = self._zone_names(kind, node, fields, "to")
        return Statement(
            kind=kind,
            profile=header.name,
            place=reader.place(node),
            application=application.id if application else "",
            roles=self._roles(kind, application, fields["roles"]) if application and "roles" in fields else {},
            features=self._chosen(application, fields, "features") if application else (),
            modes=self._chosen(application, fields, "modes") if application else (),
            optional=self._chosen(application, fields, "flows") if application else (),
            only=self._chosen(application, fields, "only") if application else (),
            flows=self._flows(fields["flow"]) if "flow" in fields else (),
            risk=reader.words(fields["risk"], "risk", RISKS) if "risk" in fields else (),
            sources=sources,
            destinations=destinations,
            media=self._media(fields["media"]) if application and "media" in fields else None,
            verdict=verdict,
            log=bool(log),
            title=about.get("title", ""),
            reason=about.get("reason", header.reason),
            owner=about.get("owner", header.owner),
            ticket=about.get("ticket", header.ticket),
            expires=expires or header.expires,
        )

    def _one_subject(self, kind: StatementKind, node: Mapping, fields: dict[str, Node]) -> bool:
        """Whether a statement says one thing, with the fields that belong to it."""
        reader = self.reader
        subjects = [name for name in _SUBJECTS if name in fields]
        possible = [name for name in _SUBJECTS if name in FIELDS[kind]]
        if len(subjects) != 1:
            choice = f"{', '.join(possible[:-1])} or {possible[-1]}"
            if subjects:
                reader.error(fields[subjects[1]], f"a {kind} is about one of {choice}", "make two statements of it")
            else:
                hint = 'did you mean "flow"?' if "flows" in fields else ""
                reader.error(node, f"a {kind} names what it is about: {choice}", hint)
            return False
        wrong = _OF_APPLICATION if subjects[0] != "application" else frozenset(("from", "to"))
        hint = "roles say who speaks to whom" if subjects[0] == "application" else "for a flow, use from and to"
        for name, child in fields.items():
            if name in wrong:
                reader.error(child, f'"{name}" does not go with "{subjects[0]}"', hint)
        if "only" in fields:
            for name in ("features", "modes", "flows"):
                if name in fields:
                    reader.error(fields[name], f'"{name}" does not go with "only"', "only names all flows there are")
        return True

    # flows and zones

    def _flows(self, node: Node) -> tuple[InlineFlow, ...]:
        if isinstance(node, Scalar):
            return read_flow(self.reader, node, self.flows)
        found: list[InlineFlow] = []
        for child in self.reader.one_or_more(node, "flow"):
            found += read_flow(self.reader, child, self.flows)
        return tuple(dict.fromkeys(found))

    def _zone_names(self, kind: StatementKind, node: Node, fields: dict[str, Node], name: str) -> tuple[str, ...]:
        if name not in fields:
            if kind is StatementKind.NEED:
                hint = f'name a zone, "self" or "any":  {name}: ZONE'
                self.reader.error(node, f'a need of a flow says "{name}" whom it is', hint)
            return ()
        return self._bound(fields[name], name)

    def _bound(self, node: Node, what: str) -> tuple[str, ...]:
        """Zones of which at least one must have a value."""
        names = self.zones.names(node, what)
        if names == () and not self.reader.lenient:
            said = "the zone has" if isinstance(node, Scalar) else "its zones have"
            hint = "set the parameter that the zone takes its addresses from, or add  when: {PARAMETER: given}  here"
            self.reader.error(node, f"{what}: {said} no value in this run", hint)
        return names or ()

    # applications

    def _application(self, node: Node) -> Application | None:
        name = self.reader.text(node, "application")
        if name is None:
            return None
        found = self.database.application(name)
        if found is None:
            known = self.database.application_names()
            inside = [other for other in known if len(name) > 1 and name.lower() in other.lower()]
            hint = f"there is {listing(inside, 4)}" if inside else did_you_mean(name, known)
            hint = hint or "find its name with: fwadvisor search TEXT"
            self.reader.error(node, f'there is no application "{name}"', hint)
        return found

    def _roles(self, kind: StatementKind, application: Application, node: Node) -> dict[str, tuple[str, ...]]:
        reader = self.reader
        found: dict[str, tuple[str, ...]] = {}
        section = reader.mapping(node, "roles")
        if section is not None and not section.children:
            reader.error(node, "roles is empty", f"the roles are {', '.join(application.roles)}")
        for key, value in section.pairs() if section is not None else ():
            if key.text not in application.roles:
                hint = suggestion(key.text, tuple(application.roles), "its roles are")
                reader.error(key, f'{application.id} has no role "{key.text}"', hint)
                continue
            what = f'the role "{key.text}"'
            optional = kind is StatementKind.NEED
            names = self.zones.names(value, what) or () if optional else self._bound(value, what)
            if names:
                found[key.text] = names
        return found

    def _chosen(self, application: Application, fields: dict[str, Node], name: str) -> tuple[str, ...]:
        """Features, modes or flow ids of an application."""
        if name not in fields or self.reader.absent(fields[name]):
            return ()
        known = {
            "features": application.features,
            "modes": application.modes,
            "flows": tuple(flow.id for flow in application.flows),
            "only": tuple(flow.id for flow in application.flows),
        }[name]
        what = f"{name} of {application.id}"
        if not known:
            self.reader.error(fields[name], f"{application.id} has no {name}", "leave the field out")
            return ()
        return self.reader.words(fields[name], what, known)

    def _media(self, node: Node) -> Media | None:
        reader = self.reader
        fields = dict(reader.written(reader.fields(node, "media", MEDIA_FIELDS), *MEDIA_FIELDS))
        strategy = reader.word(fields["strategy"], "media strategy", tuple(Strategy)) if "strategy" in fields else None
        presets = tuple(self.database.presets)
        preset = reader.word(fields["preset"], "media preset", presets) if "preset" in fields else None
        server = self._bound(fields["server"], "media server") if "server" in fields else ()
        if len(server) > 1:
            reader.error(fields["server"], "the media server is one zone", "make one zone of them")
        return Media(
            strategy=Strategy(strategy or Strategy.AUTO),
            tcp=reader.ports(fields["tcp"], "tcp ports of media") if "tcp" in fields else None,
            udp=reader.ports(fields["udp"], "udp ports of media") if "udp" in fields else None,
            calls=(reader.integer(fields["calls"], "calls", 1, 10000) if "calls" in fields else None) or 0,
            streams=(reader.integer(fields["streams"], "streams", 1, 100) if "streams" in fields else None) or 4,
            data=bool("data" in fields and reader.boolean(fields["data"], "data of media")),
            protected=bool("protected" in fields and reader.boolean(fields["protected"], "protected of media")),
            preset=preset or "",
            server=server[0] if server else "",
        )


_TEXTS = ("title", "reason", "owner", "ticket")


def errors_since(reader: ProfileReader, before: int) -> bool:
    """Whether an error was added after the first `before` diagnostics."""
    return any(d.severity is Severity.ERROR for d in reader.diagnostics[before:])


def read_expiry(reader: ProfileReader, node: Node, what: str, today: date) -> date | None:
    """A last day: past ones are errors, near ones warnings."""
    if reader.absent(node):
        return None
    last = reader.date(node, "expires")
    if last is None:
        return None
    days = (last - today).days
    if days < 0:
        ago = "yesterday" if days == -1 else f"{-days} days ago"
        hint = "remove it, or have it approved again and move the date"
        reader.error(node, f"{what} expired on {last} ({ago})", hint)
    elif days <= WARNING_DAYS:
        left = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
        reader.warning(node, f"{what} expires on {last} ({left})")
    return last
