"""Ladders of a policy: every conversation, in the forms and ways that fit, under the rules of one dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.calls.climbing import Climb
from fwadvisor.calls.ladder import CallLadder, Party
from fwadvisor.calls.packets import Addresses
from fwadvisor.calls.talks import Talk, Way, forms, talks, ways
from fwadvisor.compile.flows import zone_of
from fwadvisor.compile.media import negotiates
from fwadvisor.dialects.base import Capabilities
from fwadvisor.model.address import FAMILIES, Family, format_address
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.policy import Policy, Zone
from fwadvisor.model.rule import Hook
from fwadvisor.ports.call_facts import CallForm
from fwadvisor.ports.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which ladders to make; () means those that fit."""

    forms: Sequence[str] = ()
    #: ``in``, ``out``, ``through``.
    ways: Sequence[str] = ()
    applications: Sequence[str] = ()
    #: None: the first IP version in which the parties have addresses.
    family: Family | None = None


def ladders(
    policy: Policy, database: Database, capabilities: Capabilities, firewall: Firewall, wanted: Wanted
) -> list[CallLadder]:
    """The ladders of every conversation of a policy under the rules of one dialect, as they were written and read back.

    Raises:
        FwadvisorError: negotiated flows cannot be served, or rules cannot be evaluated.
    """
    found: list[CallLadder] = []
    for talk in talks(policy, database, capabilities):
        if wanted.applications and talk.application.id not in wanted.applications:
            continue
        for form in forms(talk, wanted.forms):
            for way in ways(policy, talk, form):
                families = FAMILIES if wanted.family is None else (wanted.family,)
                each = None
                for family in families:
                    each = each or _ladder(policy, database, capabilities, firewall, talk, form, way, family)
                if each is not None and (not wanted.ways or each.way in wanted.ways):
                    found.append(each)
    return found


def _ladder(
    policy: Policy,
    database: Database,
    capabilities: Capabilities,
    firewall: Firewall,
    talk: Talk,
    form: CallForm,
    way: Way,
    family: Family,
) -> CallLadder | None:
    """One ladder; None where its leading flow has no ends in this IP version, or the rules do not see it."""
    if way.hook not in firewall.hooks or family not in firewall.families:
        return None
    names = dict.fromkeys(
        name for chosen in talk.flows.values() for ends in chosen.ends() for side in ends for name in side
    )
    zones = tuple(zone_of(policy, name) for name in names)
    addresses = Addresses(family, zones, _within(policy, database, talk))
    climb = Climb(policy, database, talk, form, way, firewall, addresses)
    climb.climb()
    leads = {step.flow for step in climb.steps if step.begins} & set(form.needs)
    if not leads:
        return None
    ends = database.call_ends.get(capabilities.dialect)
    return CallLadder(
        application=talk.application.id,
        title=talk.application.title,
        form=form.id,
        form_title=form.title,
        needs=form.needs,
        note=form.note,
        dialect=capabilities.dialect,
        hook=way.hook,
        family=family,
        strategy=talk.service.strategy if talk.service else None,
        parties=tuple(_parties(climb, addresses)),
        steps=tuple(climb.steps),
        pending=talk.conversation.pending,
        limits=tuple(_limits(climb, way.hook)),
        ends=(("tcp", ends.tcp), ("udp", ends.udp)) if ends else (),
    )


def _limits(climb: Climb, hook: Hook) -> Iterator[str]:
    """What the helpers that expect something in this ladder do not follow."""
    helpers = {step.answer.packet.helper for step in climb.steps if step.unread and step.answer}
    used = {facts.id: facts for helper in sorted(helpers) if (facts := climb.facts(helper))}
    for facts in used.values():
        if facts.limits:
            yield f"The {facts.id} helper does not follow {'; '.join(facts.limits)}."
        family = climb.addresses.family
        if hook is Hook.FORWARD and facts.nat_families and family not in facts.nat_families:
            yield (
                f"Behind a translation of IPv{family.value} (masquerade) the {facts.id} helper rewrites no address, so "
                "media towards the inside is lost."
            )


def _within(policy: Policy, database: Database, talk: Talk) -> dict[str, Zone]:
    """Zones that only negotiated flows name, and a zone inside each that the other flows name."""
    fixed: dict[str, Zone] = {}
    agreed: dict[str, Zone] = {}
    for chosen in talk.flows.values():
        into = agreed if negotiates(talk.application, chosen.flow, database) else fixed
        into |= {name: zone_of(policy, name) for ends in chosen.ends() for side in ends for name in side}
    return {
        name: inner
        for name, zone in agreed.items()
        if name not in fixed and zone.addresses is not None
        for inner in fixed.values()
        if inner.addresses is not None and zone.addresses.covers(inner.addresses)
    }


def _parties(climb: Climb, addresses: Addresses) -> Iterator[Party]:
    """The columns: this machine second, with the side that begins before it where it does not begin itself."""
    lead = next(step for step in climb.steps if step.flow in climb.form.needs)
    seen: dict[str, Party] = {}
    for name, roles in climb.parties.items():
        known = [zone for zone in addresses.zones if zone.name == name]
        zone = known[0] if known else None
        value = addresses.of(zone) if zone else None
        address = format_address(value, addresses.family) if value is not None else ""
        ordered = tuple(role for role in climb.talk.application.roles if role in _played(climb, name, roles))
        seen[name] = Party(name, ordered, address, here=zone is not None and zone.local)
    first = [lead.source, lead.destination]
    if climb.way.hook is Hook.OUTPUT:
        first.reverse()
    middle = [Party("firewall", (), "", here=True)] if climb.way.hook is Hook.FORWARD else []
    yield from (seen[first[0]], *middle, seen[first[1]])
    yield from (party for name, party in seen.items() if name not in first)


def _played(climb: Climb, zone: str, roles: set[str]) -> set[str]:
    """The roles that a zone plays in this way."""
    cast = {role for role, name in climb.way.roles.items() if name == zone}
    return cast or roles
