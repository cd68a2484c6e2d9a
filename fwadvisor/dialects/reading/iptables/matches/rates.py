"""How often: rate limits, shares and quotas. Their truth changes by being asked."""

from __future__ import annotations

import re
from fractions import Fraction

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.numbers import number
from fwadvisor.dialects.reading.iptables.parts import ChangingTest, Context, Given, Match, Option, Part, options
from fwadvisor.dialects.reading.iptables.refusal import RefusedError

_RATE = re.compile(r"(\d{1,9})([kKmM]?[bB])?(?:/([A-Za-z]+))?")
_UNITS = ("second", "minute", "hour", "day")
_FASTEST, _BURST = 10000, 5
_SECONDS = {name: conditions.UNITS[name] for name in _UNITS}
_MODES = ("srcip", "srcport", "dstip", "dstport")
#: xt_statistic keeps a probability in 31 bits.
_PROBABILITY = 2**31


def _rate(text: str, with_bytes: bool, fastest: int) -> tuple[int, str, str]:
    """Amount, unit, and "packets" or "bytes"."""
    found = _RATE.fullmatch(text)
    unit = next((name for name in _UNITS if found and name.startswith((found.group(3) or "second").lower())), "")
    if not found or not unit or (found.group(2) and not with_bytes):
        raise RefusedError(f'"{text}" is no rate', text, "expected a number and a unit: 10/minute")
    amount = int(found.group(1))
    scale = {"k": 1024, "m": 1024**2}.get((found.group(2) or "").lower()[:1], 1)
    if amount == 0 or (not found.group(2) and amount > fastest * _SECONDS[unit]):
        raise RefusedError(f'"{text}" is too slow or too fast', text, f"the fastest rate is {fastest}/second")
    return amount * scale, unit, "bytes" if found.group(2) else "packets"


def _limit(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    amount, unit, burst, holds = 3, "hour", _BURST, True
    for each in given:
        if each.name == "--limit":
            amount, unit, _ = _rate(each.value, False, _FASTEST)
        else:
            burst = number(each.value, _FASTEST, "burst", 1)
    return (ChangingTest(conditions.limit(amount, unit, burst), holds),)


def _hashlimit(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    found = {each.name.removeprefix("--hashlimit-"): each for each in given}
    asked = [each for name, each in found.items() if name in ("above", "upto")]
    if len(asked) != 1 or "name" not in found:
        raise RefusedError("hashlimit needs --hashlimit-name, and --hashlimit-above or --hashlimit-upto")
    amount, unit, what = _rate(asked[0].value, True, 1_000_000)
    burst = found["burst"].value if "burst" in found else str(_BURST if what == "packets" else 0)
    modes = found["mode"].value.lower().split(",") if "mode" in found else []
    if not set(_MODES).issuperset(modes):
        raise RefusedError(f'"{found["mode"].value}" is no mode', found["mode"].value, f"expected {','.join(_MODES)}")
    words = [
        f"hashlimit {found['name'].value} above {conditions.rate(amount, unit, '' if what == 'packets' else what)}",
        f"burst {burst} by {','.join(mode for mode in _MODES if mode in modes) or 'nothing'}",
        *(f"{name} {found[name].value}" for name in ("srcmask", "dstmask", "htable-expire") if name in found),
        *(" ".join((name, *found[name].values)) for name in ("rate-match", "rate-interval") if name in found),
    ]
    return (ChangingTest(" ".join(words), (asked[0].name == "--hashlimit-above") is not asked[0].negated),)


def _statistic(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    found = {each.name: each for each in given}
    mode = found["--mode"].value if "--mode" in found else ""
    if mode == "random" and "--probability" in found:
        each = found["--probability"]
        if not re.fullmatch(r"(0|1|0?\.\d{1,30}|0\.\d{0,30}|1\.0{0,30})", each.value):
            raise RefusedError(f'"{each.value}" is no probability', each.value, "expected a number from 0 to 1")
        steps = round(Fraction(each.value) * _PROBABILITY)
        return (ChangingTest(conditions.probability(Fraction(steps, _PROBABILITY)), not each.negated),)
    if mode == "nth" and "--every" in found:
        each = found["--every"]
        every = number(each.value, 2**32 - 1, "count", 1)
        packet = number(found["--packet"].value, every - 1, "packet") if "--packet" in found else 0
        return (ChangingTest(conditions.every_nth(every, packet), not each.negated),)
    raise RefusedError("statistic needs --mode random --probability, or --mode nth --every")


def _quota(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("quota needs --quota")
    return tuple(
        ChangingTest(conditions.quota(number(each.value, 2**64 - 1, "number of bytes")), not each.negated)
        for each in given
    )


_HASHLIMIT = ("above", "upto", "srcmask", "dstmask", "burst", "htable-size", "htable-max", "htable-gcinterval",
              "htable-expire", "mode", "name", "rate-interval")  # fmt: skip
MATCHES = (
    Match("limit", options(Option("--limit", negatable=False), Option("--limit-burst", negatable=False)), _limit),
    Match(
        "hashlimit",
        {
            **options(
                *(Option(f"--hashlimit-{name}", negatable=name in ("above", "upto")) for name in _HASHLIMIT),
                Option("--hashlimit-rate-match", 0),
            ),
            "--hashlimit": Option("--hashlimit-upto"),
        },
        _hashlimit,
    ),
    Match(
        "statistic",
        options(Option("--mode", negatable=False), "--probability", "--every", Option("--packet", negatable=False)),
        _statistic,
    ),
    Match("quota", options("--quota"), _quota),
)
