"""What a policy decides for one port: the rules that speak of it, in order, until one speaks for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fwadvisor.compile import compile_policy
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.model.address import describe_addresses
from fwadvisor.model.interval import Intervals, covers, format_ports, overlaps
from fwadvisor.model.policy import Policy
from fwadvisor.model.rule import LOOPBACK, Chain, Hook, Match, Place, Rule, Ruleset, State
from fwadvisor.ports.database import Database
from fwadvisor.profile import load_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One line of the answer: on this hook, for these ends, this verdict, because of that statement."""

    hook: str
    verdict: str
    #: "from peers (203.0.113.0/24)", "to anybody", or with both ends on a gateway.
    ends: str
    #: The ports where the rule speaks of some only, else "".
    ports: str
    #: What made the rule; "the default of input" where none matched.
    reason: str
    place: Place | None
    #: The dialects that have the rule; () means all.
    dialects: tuple[str, ...] = ()
    #: Whether the rule only speaks of connections that a connection-tracking helper expects.
    related: bool = False


def decide_port(
    profiles: Sequence[str],
    settings: Mapping[str, str],
    database: Database,
    protocol: int,
    ports: Intervals,
    *,
    today: date | None = None,
    profile_dirs: Sequence[Path] = (),
) -> tuple[Decision, ...]:
    """What the policy decides for new connections to `ports`, on each hook, in order of evaluation.

    Rows of one hook are read from the top: the first that fits a packet decides. Where dialects serve
    negotiated flows differently, a row names the dialects that have it.

    Raises:
        ProfileError: the profiles are wrong.
        PolicyError: the policy cannot be compiled for any dialect.
    """
    loaded = load_policy(profiles, settings, database, today=today or date.today(), profile_dirs=profile_dirs)
    rulesets = _rulesets(loaded.policy, database)
    found: dict[tuple[object, ...], tuple[Decision, list[str]]] = {}
    for name, ruleset in rulesets.items():
        for chain in ruleset.chains:
            if chain.hook is Hook.FORWARD and not chain.rules:
                continue  # A host: forwarding is nobody's question.
            for decision in _of_chain(chain, protocol, ports):
                key = (decision.hook, decision.verdict, decision.ends, decision.ports, decision.reason)
                found.setdefault(key, (decision, []))[1].append(name)
    rows = [
        decision if len(names) == len(rulesets) else _only_in(decision, names) for decision, names in found.values()
    ]
    hooks = list(dict.fromkeys(row.hook for row in rows))
    # What a helper expects is no new connection, so it may stand behind the rules for those.
    return tuple(sorted(rows, key=lambda row: (hooks.index(row.hook), row.place is None, row.related)))


def _only_in(decision: Decision, names: list[str]) -> Decision:
    from dataclasses import replace

    return replace(decision, dialects=tuple(names))


def _rulesets(policy: Policy, database: Database) -> dict[str, Ruleset]:
    """The policy compiled for every dialect that can serve it.

    Raises:
        PolicyError: none can.
    """
    from fwadvisor.errors import PolicyError

    found: dict[str, Ruleset] = {}
    refusal: PolicyError | None = None
    for name in DIALECTS:
        try:
            found[name] = compile_policy(policy, database, dialect(name).capabilities).ruleset
        except PolicyError as problem:
            refusal = problem
    if refusal is not None and not found:
        raise refusal
    return found


def _of_chain(chain: Chain, protocol: int, ports: Intervals) -> Iterator[Decision]:
    for rule in chain.rules:
        match = rule.match
        if not _speaks_of(match, protocol, ports):
            continue
        yield _decision(chain, rule, ports)
        if _speaks_for_all(match, ports):
            return
    yield Decision(
        hook=chain.hook,
        verdict=chain.default,
        ends="everything else",
        ports="",
        reason=f"the default of {chain.hook}",
        place=None,
    )


def _speaks_of(match: Match, protocol: int, ports: Intervals) -> bool:
    if LOOPBACK in match.in_interfaces or LOOPBACK in match.out_interfaces:
        return False
    if match.states and State.NEW not in match.states and not match.helpers:
        return False
    if match.protocols and protocol not in match.protocols:
        return False
    return match.destination_ports is None or overlaps(match.destination_ports, ports)


def _speaks_for_all(match: Match, ports: Intervals) -> bool:
    return (
        match.source is None
        and match.destination is None
        and match.family is None
        and match.source_ports is None
        and not (match.in_interfaces or match.out_interfaces or match.states)
        and (match.destination_ports is None or covers(match.destination_ports, ports))
    )


def _decision(chain: Chain, rule: Rule, ports: Intervals) -> Decision:
    match = rule.match
    part = match.destination_ports is not None and not covers(match.destination_ports, ports)
    return Decision(
        hook=chain.hook,
        verdict=f"{rule.verdict} (related only)" if match.helpers else rule.verdict,
        ends=_ends(match),
        ports=format_ports(match.destination_ports) if part and match.destination_ports else "",
        reason=rule.origin.text,
        place=rule.origin.place,
        related=bool(match.helpers),
    )


def _ends(match: Match) -> str:
    parts = []
    for word, addresses, interfaces in (
        ("from", match.source, match.in_interfaces),
        ("to", match.destination, match.out_interfaces),
    ):
        if addresses is not None or interfaces:
            on = f" on {', '.join(interfaces)}" if interfaces else ""
            parts.append(f"{word} {describe_addresses(addresses)}{on}")
    return " ".join(parts) or "from and to anybody"
