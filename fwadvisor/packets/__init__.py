"""The exact packet engine: what a firewall does with every packet, as a decision diagram.

    space = Space([old, new])                        # fields, atoms and domain for these firewalls
    for hook, family in space.parts:                 # what all of them speak of
        before = space.meaning(old, hook, family)
        after = space.meaning(new, hook, family)
        for change in compare(before, after):        # () means: equal on every possible packet
            print(change.old, change.new, change.packets.witness())

`docs/packets.md` says what is represented, why equality is exact, and where the limits are. Everything here agrees
with `fwadvisor.model.evaluate.evaluate`, packet for packet, or raises `fwadvisor.errors.BudgetError`; nothing is
guessed.

The interface:

`Budget(nodes=2_000_000, seconds=None, rules=None)`
    What the diagrams of one hook and family may cost.
`Space(firewalls, *, effects=frozenset(), tests=(), budget=Budget())`
    `tests` are those that `packets` will be asked for; their values become boundaries too.
    `.parts` -> tuple[(Hook, Family), ...] that all firewalls speak of.
    `.meaning(firewall, hook, family)` -> Meaning
    `.packets(hook, family, tests)` -> PacketSet, where all tests hold (region queries, `find`, `never`)
    `.everything(hook, family)` -> PacketSet, all possible packets
`Meaning`
    `.verdicts()` -> frozenset[Verdict | None] (None: unknown); `.results()` -> frozenset[Result]
    `.by_result()` -> Iterator[tuple[Result, PacketSet]]
    `.where(verdict | None)`, `.having(result)`, `.accepted`, `.unknown` -> PacketSet
    `.depends_on()` -> frozenset[Condition]
    `.at(packet)` -> Result
    `.domain` -> PacketSet, the possible packets that the firewall speaks of
`Result(verdict, effects)`
    What becomes of a packet; `verdict` None is unknown; `effects` is empty unless the space carries them.
`compare(a, b, within=None)` -> tuple[Change, ...]
    Each pair of different results with the packets where it happens, exactly and completely. `within` limits it
    to a packet set.
`Change(old, new, packets)`
    `.unknown`: one of both is not known, so that nothing is said about a difference.
`PacketSet`
    `&`, `|`, `-`, `~` (within the domain), `==`, `.is_empty`, `.count()`, `.contains(packet)`,
    `.witness()` -> Packet | None, `.boxes()` -> Iterator[RawBox]
`RawBox(hook, family, integers, names, conditions)`
    `.tests()` -> the tests that hold for exactly its packets.
"""

from fwadvisor.packets.axes import UnknownBoundaryError
from fwadvisor.packets.budget import Budget
from fwadvisor.packets.meaning import Change, Meaning, Result, compare
from fwadvisor.packets.rawbox import RawBox
from fwadvisor.packets.sets import PacketSet
from fwadvisor.packets.space import Space

__all__ = ["Budget", "Change", "Meaning", "PacketSet", "RawBox", "Result", "Space", "UnknownBoundaryError", "compare"]
