"""Which applications can do more or less than before, over the whole of what they need and not port by port.

An application is asked about where a change has packets of one of its core flows in its direction, on ports that the
change names; it is asked for the hosts of the change alone. What counts are the core flows to (or, on `output`, from)
the same role, and the flows whose ports are agreed inside of them, such as media. A flow is open where some new
connection of it is accepted from those hosts, over another interface than loopback. A flow with agreed ports is open

- where a range of ports of its protocol is accepted (at least `_RANGE` in a row: a pinned range), or
- where a connection-tracking helper opens it: related packets of that helper are accepted, and the helper is assigned
  to connections of the flow in which the ports are agreed.

So "open" never says that every host gets through, but "closed" says that none does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import (
    STATES,
    AddressTest,
    Field,
    Firewall,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import PORTS, Intervals, format_ports, intersect, normalize, union
from fwadvisor.model.rule import LOOPBACK, Hook, State, Verdict
from fwadvisor.packets import Budget, RawBox, Space
from fwadvisor.packets.narrow import narrowed
from fwadvisor.ports.database import Database
from fwadvisor.ports.facts import Application, Flow, Transport
from fwadvisor.ports.facts import State as In
from fwadvisor.review.changes import Access, ApplicationChange, Kind, ReviewedChange
from fwadvisor.review.exposed import WIDE, fits, flows_in, ports_of
from fwadvisor.review.findings import Severity
from fwadvisor.review.reach import addresses_of

#: So many ports in a row are a range that somebody pinned.
_RANGE = 4
_NEW, _RELATED = (((index, index),) for index in (STATES.index(State.NEW), STATES.index(State.RELATED)))
_KINDS = frozenset({Kind.WIDENED, Kind.NARROWED, Kind.TREATED})
_HELPERS = frozenset({Field.ASSIGNED_HELPER})


@dataclass(frozen=True, slots=True)
class _Asked:
    """An application in one role, and the hosts of which the changes of one hook and family speak."""

    application: Application
    role: str
    hook: Hook
    family: Family
    #: The other end; through the machine also the destination.
    hosts: Intervals
    behind: Intervals

    def key(self) -> tuple[str, str, Hook]:
        return self.application.id, self.role, self.hook


@dataclass(frozen=True, slots=True)
class _Found:
    """Which flows of an application are open, before and after."""

    asked: _Asked
    flows: tuple[Flow, ...]
    before: frozenset[str]
    after: frozenset[str]

    def access(self, opened: frozenset[str]) -> Access:
        """How much of it is open; nothing is where nothing can begin."""
        if not any(flow.id in opened for flow in self.flows if not flow.opened_by):
            return Access.NONE
        return Access.WHOLE if len(opened) == len(self.flows) else Access.PART


def applications_changed(
    old: Firewall, new: Firewall, changes: Sequence[ReviewedChange], database: Database, budget: Budget
) -> tuple[tuple[ApplicationChange, ...], tuple[str, ...]]:
    """The applications of which more or less can pass than before, and what could not be told, in sentences."""
    asked: dict[tuple[Hook, Family], list[_Asked]] = {}
    for each in _asked(changes, database):
        asked.setdefault((each.hook, each.family), []).append(each)
    found: list[_Found] = []
    missing: list[str] = []
    for (hook, family), several in asked.items():
        try:
            found += _found(old, new, hook, family, several, database, budget)
        except BudgetError:
            missing.append(f"{hook}, IPv{family}: what applications can do with the change is too large to tell")
    said = [each for each in _said(found, database) if each.before is not each.after]
    return tuple(sorted(said, key=lambda each: each.severity.rank)), tuple(missing)


# --- which applications ------------------------------------------------------------------------


def _asked(changes: Iterable[ReviewedChange], database: Database) -> Iterator[_Asked]:
    ends: dict[tuple[str, str, Hook, Family], tuple[Intervals, Intervals]] = {}
    for change in changes:
        if change.kind not in _KINDS:
            continue
        for region in change.regions:
            raw = region.raw
            hosts, behind = _ends(raw)
            for application, flow in _touched(raw, database):
                role = flow.source_role if raw.hook is Hook.OUTPUT else flow.destination_role
                key = (application.id, role, raw.hook, raw.family)
                known = ends.get(key, ((), ()))
                ends[key] = union(known[0], hosts), union(known[1], behind)
    for (id, role, hook, family), (hosts, behind) in ends.items():
        yield _Asked(database.applications[id], role, hook, family, hosts, behind)


def _ends(region: RawBox) -> tuple[Intervals, Intervals]:
    every = region.family.universe
    source, destination = (region.integers.get(field, every) for field in (Field.SOURCE, Field.DESTINATION))
    return (destination, every) if region.hook is Hook.OUTPUT else (source, destination)


def _touched(region: RawBox, database: Database) -> list[tuple[Application, Flow]]:
    """The core flows that a region names by port; of several on one port, not those of obsolete applications."""
    if Field.DESTINATION_PORT not in region.integers or any(
        sum(last - first + 1 for first, last in ports) >= WIDE for ports in ports_of(region).values()
    ):
        return []
    found = [
        (application, flow)
        for application, flow, _ in flows_in(region, database)
        if flow.need == "core" and not flow.opened_by and fits(application, flow, region.hook)
    ]
    current = {flow.port for application, flow in found if application.status.state is not In.OBSOLETE}
    return [
        (application, flow)
        for application, flow in found
        if application.status.state is not In.OBSOLETE or flow.port not in current
    ]


def _flows(asked: _Asked, database: Database) -> tuple[Flow, ...]:
    """What the application needs in the role: its core flows, and what is agreed inside of them."""
    application = asked.application
    needed: dict[str, Flow] = {}
    for flow in application.flows:
        if _of_role(flow, asked) and flow.need == "core" and not flow.opened_by:
            needed[flow.id] = flow
    roots = set(needed)
    for flow in application.flows:
        if flow.opened_by in roots and database.negotiated(flow):
            # What a flow of the other direction opens belongs to it as well.
            roots.add(flow.id)
            if _of_role(flow, asked):
                needed[flow.id] = flow
    return tuple(needed.values())


def _of_role(flow: Flow, asked: _Asked) -> bool:
    return (flow.source_role if asked.hook is Hook.OUTPUT else flow.destination_role) == asked.role


# --- what is open ------------------------------------------------------------------------------


def _found(
    old: Firewall, new: Firewall, hook: Hook, family: Family, asked: list[_Asked], database: Database, budget: Budget
) -> Iterator[_Found]:
    flows = {each.key(): _flows(each, database) for each in asked}
    regions = [
        tests for each in asked for flow in flows[each.key()] for tests in _both_ways(each, flow, database)
    ]  # fmt: skip
    boxes = [_box(hook, family, tests) for tests in regions]
    sides = tuple(narrowed(each, boxes, family) for each in (old, new))
    space = Space(sides, effects=_HELPERS, tests=[test for tests in regions for test in tests], budget=budget)
    for each in asked:
        opened = (
            frozenset(flow.id for flow in flows[each.key()] if _is_open(space, side, each, flow, database))
            for side in sides
        )
        before, after = opened
        yield _Found(each, flows[each.key()], before, after)


def _box(hook: Hook, family: Family, tests: Sequence[Test]) -> RawBox:
    """The region of some tests, with its interfaces left open."""
    integers: dict[Field, Intervals] = {}
    for test in tests:
        if isinstance(test, IntegerTest):
            integers[test.field] = test.values
        elif isinstance(test, AddressTest):
            integers[test.field] = test.of(family)
    return RawBox(hook, family, integers)


def _both_ways(asked: _Asked, flow: Flow, database: Database) -> Iterator[tuple[Test, ...]]:
    """The packets of a flow as a new connection, and as one that a helper opens."""
    protocols = normalize((number, number) for number in flow.protocols())
    tests: list[Test] = [IntegerTest(Field.PROTOCOL, protocols)]
    ports = database.flow_ports(flow)
    if ports is not None:
        tests.append(IntegerTest(Field.DESTINATION_PORT, ports))
    if flow.source_ports is not None:
        tests.append(IntegerTest(Field.SOURCE_PORT, flow.source_ports))
    out = asked.hook is Hook.OUTPUT
    ends = [(Field.DESTINATION if out else Field.SOURCE, asked.hosts)]
    if asked.hook is Hook.FORWARD:
        ends.append((Field.DESTINATION, asked.behind))
    v4 = asked.family is Family.IPV4
    tests += [AddressTest(field, each if v4 else (), () if v4 else each) for field, each in ends]
    interface = Field.OUT_INTERFACE if out else Field.IN_INTERFACE
    tests.append(NameTest(interface, Names(frozenset({LOOPBACK}), inverted=True)))
    yield (*tests, IntegerTest(Field.STATE, _NEW))
    helper = database.flow_helper(asked.application, flow)
    if helper is not None and database.negotiated(flow):
        related = NameTest(Field.HELPER, Names(frozenset(helper.related_names)))
        yield (*tests, IntegerTest(Field.STATE, _RELATED), related)


def _is_open(space: Space, firewall: Firewall, asked: _Asked, flow: Flow, database: Database) -> bool:
    meaning = space.meaning(firewall, asked.hook, asked.family)
    direct, *followed = _both_ways(asked, flow, database)
    accepted = meaning.accepted & space.packets(asked.hook, asked.family, direct)
    if not database.negotiated(flow):
        return not accepted.is_empty
    ports = intersect(accepted.values(Field.DESTINATION_PORT), database.flow_ports(flow) or PORTS)
    if any(last - first + 1 >= _RANGE for first, last in ports):
        return True
    return any(
        not (meaning.accepted & space.packets(asked.hook, asked.family, tests)).is_empty for tests in followed
    ) and _is_followed(space, firewall, asked, flow, database)


def _is_followed(space: Space, firewall: Firewall, asked: _Asked, flow: Flow, database: Database) -> bool:
    """Whether the helper is assigned to connections of the flow in which the ports are agreed.

    Where that goes the other way, it is enough that a rule assigns it.
    """
    helper = database.flow_helper(asked.application, flow)
    if helper is None:
        return False
    types = {each.type for each in helper.types}
    root = flow
    while root.opened_by and (opener := asked.application.flow(root.opened_by)) is not None:
        root = opener
    if not _of_role(root, asked):
        return any(
            write.field is Field.ASSIGNED_HELPER and write.value in types
            for rule in firewall.rules()
            for write in rule.writes
        )
    meaning = space.meaning(firewall, asked.hook, asked.family)
    begun = space.packets(asked.hook, asked.family, next(_both_ways(asked, root, database)))
    return any(
        result.verdict is Verdict.ACCEPT
        and dict(result.effects).get(Field.ASSIGNED_HELPER) in types
        and not (meaning.having(result) & begun).is_empty
        for result in meaning.results()
    )


# --- in words ----------------------------------------------------------------------------------


def _said(found: Sequence[_Found], database: Database) -> Iterator[ApplicationChange]:
    """One change for each application and direction; families that differ are told apart."""
    groups: dict[object, list[_Found]] = {}
    for each in found:
        key = (each.asked.key(), each.access(each.before), each.access(each.after), each.before, each.after)
        groups.setdefault(key, []).append(each)
    for group in groups.values():
        first = group[0]
        families = {each.asked.family for each in group}
        suffix = "" if len(families) == len(FAMILIES) else f" (IPv{next(iter(families))})"
        before, after = first.access(first.before), first.access(first.after)
        yield ApplicationChange(
            application=first.asked.application.id,
            title=first.asked.application.title,
            hook=first.asked.hook,
            before=before,
            after=after,
            severity=_severity(first, before, after),
            text=_text(first, after, database) + suffix,
        )


def _severity(found: _Found, before: Access, after: Access) -> Severity:
    if after is Access.WHOLE:
        return Severity.INFO
    if after is Access.NONE and before is Access.PART:
        return Severity.LOW
    locked = found.asked.application.lockout and found.asked.hook is Hook.INPUT and after is Access.NONE
    return Severity.HIGH if locked else Severity.MEDIUM


def _text(found: _Found, after: Access, database: Database) -> str:
    asked = found.asked
    subject = _where(asked)
    if after is Access.WHOLE:
        return f"{subject}: {_named(found.flows, database)} can pass now"
    if after is Access.NONE:
        # What was open, or nothing of it, is what is missed.
        first = next(flow for flow in found.flows if not flow.opened_by)
        return f"{subject}: {_named([first], database)} is closed{_so(first)}"
    opened = [flow for flow in found.flows if flow.id in found.after]
    closed = [flow for flow in found.flows if flow.id not in found.after]
    phases = " and no ".join(dict.fromkeys(flow.phase for flow in closed))
    verb = "is" if len(opened) == 1 else "are"
    return f"{subject}: {_named(opened, database)} {verb} open but no {phases}{_so(closed[0])}"


def _so(flow: Flow) -> str:
    return f": {flow.if_denied}" if flow.if_denied else ""


def _named(flows: Sequence[Flow], database: Database) -> str:
    texts = []
    for flow in flows:
        ports = database.flow_ports(flow)
        title = database.ports[flow.port].title
        if ports is None or database.negotiated(flow):
            texts.append(title)
        else:
            texts.append(f"{title} ({format_ports(ports)}/{Transport(flow.transport)})")
    return ", ".join(dict.fromkeys(texts))


def _where(asked: _Asked) -> str:
    everybody = asked.hosts == asked.family.universe
    hosts = "anybody" if everybody else addresses_of(asked.hosts, asked.family).words(2)
    return f"to {hosts}" if asked.hook is Hook.OUTPUT else f"from {hosts}"
