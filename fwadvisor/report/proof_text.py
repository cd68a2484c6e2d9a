"""What `generate` proved, in the words of its summary."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook
from fwadvisor.proof.written import Proved
from fwadvisor.report.comparison_text import parts_in_words
from fwadvisor.report.exposure_text import claim, exposure_lines


def proof_lines(proved: Sequence[Proved]) -> list[str]:
    """``proved: iptables = nftables = pf = windows = policy (input, output; IPv4, IPv6)``, and each exposure."""
    named = [(each.dialect, each.exposure) for each in proved]
    common = [part for part in proved[0].parts if all(part in each.parts for each in proved)]
    more = _elsewhere(proved, common)
    return [f"proved: {claim(named, 'policy')} ({parts_in_words(common)}){more}", *exposure_lines(named)]


def _elsewhere(proved: Sequence[Proved], common: Sequence[tuple[Hook, Family]]) -> str:
    """What only some dialects speak of."""
    rest: dict[Hook, list[str]] = {}
    for each in proved:
        for hook in dict.fromkeys(hook for hook, _ in each.parts if all(hook is not known for known, _ in common)):
            rest.setdefault(hook, []).append(each.dialect)
    return "".join(f"; {' = '.join([*names, 'policy'])} ({hook})" for hook, names in rest.items())
