"""Which rule decides each packet, exactly: firewalls whose rules leave their number behind.

`numbered` writes the number of each rule that may decide into `Field.DECIDER`. The last write counts, so a space with
that effect tells packets apart by what decides them, through jumps, marks and verdicts that stand. It has an end for
each rule, and costs accordingly: for long lists, ask only of the rules that can match the packets in question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fwadvisor.diagnostic import Span
from fwadvisor.model.evaluate import Step, evaluate
from fwadvisor.model.firewall import (
    Continue,
    Decide,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    Write,
)
from fwadvisor.model.walk import Packet

DECIDERS = frozenset({Field.DECIDER})
_NOWHERE = Span("", 1)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A firewall that leaves behind who decides."""

    firewall: Firewall
    #: By number, as `Result.effects` has it in text. Rules are those of the firewall that was numbered.
    steps: dict[str, Step]

    def step(self, effects: tuple[tuple[Field, str], ...]) -> Step | None:
        """What decided packets with these effects, None where nothing was asked."""
        number = dict(effects).get(Field.DECIDER)
        return None if number is None else self.steps[number]

    def decides(self, packet: Packet) -> Step | None:
        """What decides one packet, or cannot be evaluated; None where nothing is asked."""
        outcome = evaluate(self.firewall, packet)
        if outcome.verdict is None:
            return outcome.trail[-1]
        number = outcome.effects.get(Field.DECIDER)
        return None if number is None else self.steps[number]


def writing(firewall: Firewall, fields: frozenset[Field]) -> Numbered:
    """The same firewall, with the last rule that writes one of these fields in `Field.DECIDER`."""
    steps: dict[str, Step] = {}

    def rules(chain: FirewallChain) -> Iterator[FirewallRule]:
        for rule in chain.rules:
            if any(write.field in fields for write in rule.writes):
                name = str(len(steps))
                steps[name] = Step(chain.name, rule)
                yield replace(rule, writes=(*rule.writes, Write(Field.DECIDER, name)))
            else:
                yield rule

    chains = {name: replace(chain, rules=tuple(rules(chain))) for name, chain in firewall.chains.items()}
    return Numbered(replace(firewall, chains=chains), steps)


def numbered(firewall: Firewall) -> Numbered:
    """The same firewall, with who decides each packet in `Field.DECIDER`."""
    steps: dict[str, Step] = {}
    bases = {base.chain for base in firewall.bases}

    def number(step: Step) -> tuple[Write, ...]:
        name = str(len(steps))
        steps[name] = step
        return (Write(Field.DECIDER, name),)

    def rules(chain: FirewallChain) -> Iterator[FirewallRule]:
        if chain.name in bases:
            # A walk that ends without a verdict ends here, whichever way it came back.
            yield FirewallRule(
                tests=(),
                action=Continue(),
                span=chain.span or _NOWHERE,
                text="",
                writes=number(Step(chain.name, None)),
            )
        for rule in chain.rules:
            if isinstance(rule.action, Decide):
                yield replace(rule, writes=(*rule.writes, *number(Step(chain.name, rule))))
            else:
                yield rule

    chains = {name: replace(chain, rules=tuple(rules(chain))) for name, chain in firewall.chains.items()}
    return Numbered(replace(firewall, chains=chains), steps)
