"""What was shown of a conversion, in a few lines."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Hook
from fwadvisor.report.comparison_text import parts_in_words


def render(
    source: Firewall,
    target: str,
    parts: Sequence[tuple[Hook, Family]],
    rules: tuple[int, int],
    rewritten: Sequence[str],
    notes: Sequence[str],
) -> str:
    """``proved: pf = rules.nft (input, output; IPv4, IPv6), 14 rules from 12``, and what to mind."""
    narrowed = any(note.startswith("narrowed: ") for note in notes)
    sign = "accepts no more than" if narrowed else "="
    lines = [f"proved: {target} {sign} {source.name} ({parts_in_words(parts)}), {rules[1]} rules from {rules[0]}"]
    if rewritten:
        lines.append(f"  rewritten  {', '.join(rewritten)}: rules could not be kept one by one")
    lines += [f"  mind       {note}" for note in notes]
    return "\n".join(printable(line) for line in lines)
