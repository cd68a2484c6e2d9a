"""Tables that other programs or rules fill: sets, and lists of recently seen addresses."""

from __future__ import annotations

from fwadvisor.dialects.reading.iptables.addresses import NotResolvedError, single
from fwadvisor.dialects.reading.iptables.numbers import number
from fwadvisor.dialects.reading.iptables.parts import (
    NEVER,
    ChangingTest,
    Context,
    Given,
    Match,
    Option,
    Part,
    SetTest,
    condition,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError

_COUNTERS = ("--packets-eq", "--packets-lt", "--packets-gt", "--bytes-eq", "--bytes-lt", "--bytes-gt")
#: A set has at most so many dimensions (IPSET_DIM_MAX).
_MOST_DIMENSIONS = 3
_ACTIONS = ("--set", "--rcheck", "--update", "--remove")


def dimensions(text: str) -> tuple[str, ...]:
    """``src,dst`` as words.

    Raises:
        RefusedError: it is no such list.
    """
    found = tuple(text.split(","))
    if len(found) > _MOST_DIMENSIONS or not {"src", "dst"}.issuperset(found):
        raise RefusedError(f'"{text}" does not say where to look', text, "expected up to three of src and dst: src,dst")
    return found


def _set(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    asked = [each for each in given if each.name == "--match-set"]
    if not asked:
        raise RefusedError("set needs --match-set")
    (each,) = asked
    name, where = each.values
    sides = dimensions(where)
    counting = [
        " ".join(("!",) * more.negated + (more.name[2:], *more.values))
        for more in given
        if more.name in _COUNTERS or more.name == "--return-nomatch"
    ]
    if counting:
        return (condition(f"set {name} ({','.join(sides)}) {' '.join(sorted(counting))}", not each.negated),)
    return (SetTest(name, sides, not each.negated),)


def _recent(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    found = {each.name: each for each in given}
    actions = [each for each in given if each.name in _ACTIONS]
    if len(actions) != 1:
        raise RefusedError(f"recent needs one of {', '.join(_ACTIONS)}")
    action = actions[0]
    words = [action.name[2:]]
    for name, what in (("--seconds", "number of seconds"), ("--hitcount", "number of packets")):
        if name in found:
            words.append(f"{name[2:]} {number(found[name].value, 2**32 - 1, what)}")
    words += [name[2:] for name in ("--reap", "--rttl") if name in found]
    words.append("destination" if "--rdest" in found else "source")
    if "--mask" in found and not _is_whole(found["--mask"].value, context):
        words.append(f"mask {found['--mask'].value}")
    if action.name == "--set":
        # Noting an address succeeds whenever it is asked for.
        return (NEVER,) if action.negated else ()
    listed = found["--name"].value if "--name" in found else "DEFAULT"
    return (ChangingTest(f"recent {listed} {' '.join(words)}", not action.negated),)


def _is_whole(mask: str, context: Context) -> bool:
    """Whether a mask leaves every bit of an address."""
    try:
        return single(mask, context.family) == context.family.universe[0][1]
    except NotResolvedError:
        raise RefusedError(f'"{mask}" is no mask', mask) from None


MATCHES = (
    Match(
        "set",
        {
            **options(
                Option("--match-set", 2),
                Option("--return-nomatch", 0),
                Option("--update-counters", 0),
                Option("--update-subcounters", 0),
                *_COUNTERS,
            ),
            "--set": Option("--match-set", 2),
        },
        _set,
    ),
    Match(
        "recent",
        options(
            *(Option(each, 0) for each in _ACTIONS),
            *(Option(each, negatable=False) for each in ("--seconds", "--hitcount", "--name", "--mask")),
            *(Option(each, 0, negatable=False) for each in ("--reap", "--rttl", "--rsource", "--rdest")),
        ),
        _recent,
    ),
)
