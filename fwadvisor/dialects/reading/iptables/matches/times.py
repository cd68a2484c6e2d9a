"""When: the time of day, days and dates of xt_time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.parts import (
    NEVER,
    Context,
    Given,
    Match,
    Option,
    Part,
    condition,
    one_of,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.firewall import Test

_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:T(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?)?)?)?")
_DAY = 86400
#: The first and last moments that the kernel can name mean no bound.
_BOUNDS = ("1970-01-01T00:00:00", "2038-01-19T03:14:07")


def _time(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("time needs an option such as --timestart")
    found = {each.name.removeprefix("--"): each for each in given}
    zone = "local" if "kerneltz" in found else "utc"
    tests: list[Test] = []
    if "timestart" in found or "timestop" in found:
        first = _clock(found["timestart"].value) if "timestart" in found else 0
        last = _clock(found["timestop"].value) if "timestop" in found else _DAY - 1
        tests.append(condition(conditions.time_of_day(first, last, zone)))
    if "datestart" in found or "datestop" in found:
        dates = [_date(found[n].value) if n in found else "" for n in ("datestart", "datestop")]
        first_date, last_date = ("" if date in _BOUNDS else date for date in dates)
        if first_date or last_date:
            tests.append(condition(conditions.time_date(first_date, last_date, zone)))
    if "weekdays" in found:
        each = found["weekdays"]
        days = sorted({_weekday(word, each.value) for word in each.value.split(",")})
        tests.append(_among(days, range(7), partial(conditions.time_day, zone=zone), not each.negated))
    if "monthdays" in found:
        each = found["monthdays"]
        numbers = sorted({_month_day(word, each.value) for word in each.value.split(",")})
        tests.append(_among(numbers, range(1, 32), partial(conditions.time_day_of_month, zone=zone), not each.negated))
    if "contiguous" in found:
        # The night after a named day counts as that day: the parts cannot stand alone.
        words = sorted(" ".join(("!",) * each.negated + (each.name[2:], *each.values)) for each in given)
        return (condition(f"time {' '.join(words)}"),)
    return tuple(tests)


def _among(days: Sequence[int], every: range, name: Callable[[int], str], holds: bool) -> Test:
    """One of some days, or none of the others where those are fewer."""
    others = [day for day in every if day not in days]
    few, holds = (days, holds) if len(days) <= len(others) else (others, not holds)
    return one_of([condition(name(day)) for day in few] or [NEVER], holds)


def _clock(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    parts = [int(part or 0) for part in found.groups()] if found else [99]
    if parts[0] > 23 or max(parts) > 59:
        raise RefusedError(f'"{text}" is no time of day', text, "expected hours and minutes: 09:30")
    return parts[0] * 3600 + parts[1] * 60 + parts[2]


def _date(text: str) -> str:
    found = _DATE.fullmatch(text)
    try:
        if not found:
            raise ValueError(text)
        year, month, day, hour, minute, second = (int(part) if part else 0 for part in found.groups())
        return datetime(year, month or 1, day or 1, hour, minute, second).isoformat()
    except ValueError:
        raise RefusedError(f'"{text}" is no date', text, "expected a date as in 2026-12-31T23:59:59") from None


def _weekday(word: str, text: str) -> int:
    if word in "1234567" and word:
        return int(word) - 1
    for place, name in enumerate(conditions.DAYS):
        if len(word) >= 2 and name.startswith(word.lower()):
            return place
    raise RefusedError(f'"{word}" is no day of the week', text, did_you_mean(word, conditions.DAYS))


def _month_day(word: str, text: str) -> int:
    if not word.isdecimal() or not word.isascii() or not 1 <= int(word[:3]) <= 31:
        raise RefusedError(f'"{word}" is no day of a month', text, "expected numbers from 1 to 31")
    return int(word)


MATCHES = (
    Match(
        "time",
        options(
            *(Option(f"--{name}", negatable=False) for name in ("timestart", "timestop", "datestart", "datestop")),
            "--weekdays",
            "--monthdays",
            *(Option(f"--{name}", 0, negatable=False) for name in ("utc", "localtz", "kerneltz", "contiguous")),
        ),
        _time,
    ),
)
