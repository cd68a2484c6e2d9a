"""Asking rules about one packet: the verdict, what decides, and the helper that is attached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.calls.ladder import Answer, DecidingRule
from fwadvisor.diagnostic import error
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.evaluate import Step, evaluate
from fwadvisor.model.firewall import Decide, Field, Firewall
from fwadvisor.model.rule import State, Verdict
from fwadvisor.model.walk import Packet


def answer(firewall: Firewall, packet: Packet) -> Answer:
    """What `firewall` does with `packet`.

    Raises:
        FwadvisorError: nobody can tell; rules that are written here are always understood, so that is a defect.
    """
    outcome = evaluate(firewall, packet)
    if outcome.verdict is None:
        raise FwadvisorError(error(f"the rules of {firewall.name} cannot be evaluated: this is a defect of fwadvisor"))
    helper = outcome.effects.get(Field.ASSIGNED_HELPER, "") if packet.state is State.NEW else ""
    return Answer(
        packet=packet,
        verdict=outcome.verdict,
        deciders=tuple(_deciders(firewall, outcome.trail)),
        helper=helper,
        helper_rule=_assigning(outcome.trail) if helper else None,
    )


def _deciders(firewall: Firewall, trail: Sequence[Step]) -> Iterator[DecidingRule]:
    for place, step in enumerate(trail):
        last = place == len(trail) - 1
        if step.rule is None:
            if last:
                yield _default(firewall, step)
        elif last or (isinstance(step.rule.action, Decide) and not step.rule.action.stands):
            verdict = step.rule.action.verdict if isinstance(step.rule.action, Decide) else Verdict.ACCEPT
            yield DecidingRule(step.rule.span, step.rule.text, verdict)


def _default(firewall: Firewall, step: Step) -> DecidingRule:
    base = next(each for each in firewall.bases if each.chain == step.chain)
    return DecidingRule(base.span, f"the default of {step.chain}: {base.default}", base.default, is_default=True)


def _assigning(trail: Sequence[Step]) -> DecidingRule | None:
    """The last rule that attaches a helper."""
    for step in reversed(trail):
        if step.rule is not None and any(write.field is Field.ASSIGNED_HELPER for write in step.rule.writes):
            return DecidingRule(step.rule.span, step.rule.text, Verdict.ACCEPT)
    return None
