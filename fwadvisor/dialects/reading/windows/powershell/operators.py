"""What operators, members and methods make of values; `Unknown` where that is not known."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from fwadvisor.dialects.reading.windows.draft import Draft
from fwadvisor.dialects.reading.windows.powershell.values import (
    Pair,
    Rules,
    Table,
    Unknown,
    Value,
    text_of,
    truth,
)

_NOT_KNOWN = Unknown("")
#: No script of rules makes longer ranges or texts.
_MOST = 100_000
Spend = Callable[[int], None]


def unary(operator: str, value: Value) -> Value:
    """-not, !, -, + and -join before one value."""
    if operator in ("not", "!"):
        known = truth(value)
        return _NOT_KNOWN if known is None else not known
    if operator == "join":
        return _join(value, "")
    if operator in ("-", "+") and isinstance(value, int | float) and not isinstance(value, bool):
        return -value if operator == "-" else value
    return _NOT_KNOWN


def binary(operator: str, left: Value, right: Value, spend: Spend) -> Value:
    """One operator between two values."""
    if isinstance(left, Unknown) or (isinstance(right, Unknown) and operator != "+"):
        return _NOT_KNOWN
    if operator in _COMPARISONS:
        return _compared(operator, left, right)
    known = _BINARY.get(operator)
    if known is not None:
        return known(left, right, spend)
    if operator[:1] in "ci" and operator[1:] in _COMPARISONS:
        if operator[0] == "c" and not (isinstance(left, int) and isinstance(right, int)):
            return _NOT_KNOWN  # case counts there, and the texts of rules hold none
        return _compared(operator[1:], left, right)
    return _NOT_KNOWN


# --- arithmetic and lists --------------------------------------------------------------------------


def _plus(left: Value, right: Value, spend: Spend) -> Value:
    if isinstance(left, list):
        added = right if isinstance(right, list) else [right]
        spend((len(left) + len(added)) // 64)
        return [*left, *added] if len(left) + len(added) <= 10 * _MOST else _NOT_KNOWN
    if isinstance(left, Table) and isinstance(right, Table):
        both = left.copy()
        for key, value in right.items():
            both.put(right.names[key], value)
        both.murky = left.murky or right.murky
        return both
    if left is None:
        return right
    if isinstance(left, str):
        text = text_of(right)
        spend((len(left) + len(text or "")) // 64)
        return left + text if text is not None and len(left) + len(text) <= 10 * _MOST else _NOT_KNOWN
    return _number(left, right, lambda a, b: a + b)


def _number(left: Value, right: Value, make: Callable[[float, float], float]) -> Value:
    values = []
    for each in (left, right):
        if isinstance(each, str) and each.strip().lstrip("-").isdecimal() and each.isascii() and len(each) < 20:
            values.append(int(each))
        elif isinstance(each, int) and not isinstance(each, bool) and abs(each) < 2**63:
            values.append(each)
        else:
            return _NOT_KNOWN
    try:
        result = make(*values)
    except ArithmeticError:
        return _NOT_KNOWN
    return int(result) if result == int(result) else _NOT_KNOWN


def _times(left: Value, right: Value, spend: Spend) -> Value:
    if isinstance(left, str | list):
        if not isinstance(right, int) or not 0 <= right * len(left) <= _MOST:
            return _NOT_KNOWN
        spend(right * len(left) // 64)
        return left * right
    return _number(left, right, lambda a, b: a * b)


def _range(left: Value, right: Value, spend: Spend) -> Value:
    first, last = _number(left, 0, lambda a, b: a + b), _number(right, 0, lambda a, b: a + b)
    if not isinstance(first, int) or not isinstance(last, int) or abs(last - first) > _MOST:
        return _NOT_KNOWN
    spend(abs(last - first) // 8)
    return list(range(first, last + 1) if first <= last else range(first, last - 1, -1))


def _join(value: Value, by: Value) -> Value:
    parts = [text_of(each) for each in value] if isinstance(value, list) else [text_of(value)]
    between = text_of(by)
    if between is None or None in parts:
        return _NOT_KNOWN
    return between.join(part for part in parts if part is not None)


def _split(left: Value, right: Value, _spend: Spend) -> Value:
    by = text_of(right)
    if (
        not isinstance(left, str)
        or by is None
        or isinstance(right, list)
        or re.fullmatch(r"[,;:/ \t_]|\\[|.]|,\\s\*", by) is None
    ):
        return _NOT_KNOWN
    return list(re.split(by, left))


def _format(left: Value, right: Value, _spend: Spend) -> Value:
    texts = [text_of(each) for each in (right if isinstance(right, list) else [right])]
    if not isinstance(left, str) or None in texts:
        return _NOT_KNOWN
    try:
        whole = re.sub(r"\{(\d{1,3})\}", lambda found: texts[int(found[1])] or "", left)
    except LookupError:
        return _NOT_KNOWN
    return _NOT_KNOWN if re.search(r"\{\d+[,:]|\{\{|\}\}", left) else whole


# --- comparisons -----------------------------------------------------------------------------------

_COMPARISONS = frozenset(
    {"eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "contains", "notcontains", "in", "notin"}
)
_OPPOSITE = {"ne": "eq", "notlike": "like", "notcontains": "contains", "notin": "in"}


def _compared(operator: str, left: Value, right: Value) -> Value:
    if operator in ("in", "notin"):
        return _compared("contains" if operator == "in" else "notcontains", right, left)
    if operator in ("contains", "notcontains"):
        found = [_equal(each, right) for each in (left if isinstance(left, list) else [left])]
        known = True if True in found else None if None in found else False
        return _NOT_KNOWN if known is None else known is (operator == "contains")
    if isinstance(left, list):
        kept = [(each, _compared(operator, each, right)) for each in left]
        return _NOT_KNOWN if any(isinstance(k, Unknown) for _, k in kept) else [each for each, k in kept if k]
    if operator in _OPPOSITE:
        found_one = _compared(_OPPOSITE[operator], left, right)
        return found_one if isinstance(found_one, Unknown) else not found_one
    if operator == "eq":
        same = _equal(left, right)
        return _NOT_KNOWN if same is None else same
    if operator == "like":
        pattern, text = text_of(right), text_of(left)
        return _NOT_KNOWN if pattern is None or text is None else like(text, pattern)
    difference = _number(left, right, lambda a, b: a - b)
    if not isinstance(difference, int):
        return _NOT_KNOWN
    return {"gt": difference > 0, "ge": difference >= 0, "lt": difference < 0, "le": difference <= 0}[operator]


def _equal(left: Value, right: Value) -> bool | None:
    """PowerShell's -eq of two single values: the right side becomes what the left side is."""
    if isinstance(left, str):
        text = text_of(right)
        return None if text is None or isinstance(right, list) else left.lower() == text.lower()
    if left is None or right is None:
        return None if isinstance(left, Unknown | Rules) or isinstance(right, Unknown | Rules) else left is right
    if isinstance(left, bool):
        return None if (known := truth(right)) is None else left is known
    if isinstance(left, int | float):
        if isinstance(right, int | float):
            return left == right
        difference = _number(left, right, lambda a, b: a - b)
        return difference == 0 if isinstance(difference, int) else None
    return None


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str] | None:
    if set(pattern) & set("[]`"):
        return None
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in re.sub(r"\*+", "*", pattern))
    return re.compile("".join(parts), re.DOTALL | re.IGNORECASE)


def like(text: str, pattern: str) -> Value:
    """Wildcards; sets of characters are not read, nor patterns that would take long."""
    if pattern.count("*") == 1 and pattern[-1] == "*" and not set(pattern) & set("?[]`"):
        return text.lower().startswith(pattern[:-1].lower())
    compiled = _pattern(pattern) if pattern.count("*") <= 2 and len(text) <= 1024 else None
    return _NOT_KNOWN if compiled is None else compiled.fullmatch(text) is not None


_BINARY: dict[str, Callable[[Value, Value, Spend], Value]] = {
    "+": _plus,
    "-": lambda left, right, _spend: _number(left, right, lambda a, b: a - b),
    "*": _times,
    "/": lambda left, right, _spend: _number(left, right, lambda a, b: a / b),
    "%": lambda left, right, _spend: _number(left, right, lambda a, b: a % b if a >= 0 and b > 0 else 0.5),
    "..": _range,
    "join": lambda left, right, _spend: _join(left, right),
    "split": _split,
    "f": _format,
}

# --- members ---------------------------------------------------------------------------------------

#: What a rule that a query found says of itself.
_OF_RULE = {
    "name": ("Name", ""), "instanceid": ("Name", ""), "displayname": ("DisplayName", ""), "group": ("Group", ""),
    "description": ("Description", ""), "enabled": ("Enabled", "True"), "direction": ("Direction", "Inbound"),
    "action": ("Action", "Allow"), "profile": ("Profile", "Any"),
}  # fmt: skip


def member(of: Value, name: str) -> Value:
    """``of.name``, `name` in lower case."""
    if isinstance(of, Table):
        if of.murky:
            return _NOT_KNOWN
        if name in of:
            return of[name]
        if name == "keys":
            return list(of.names.values())
        if name == "values":
            return list(of.values())
        return len(of) if name == "count" else None
    if isinstance(of, Draft):
        return _of_rule(of, name)
    if isinstance(of, Pair):
        return of.key if name in ("key", "name") else of.value if name == "value" else _NOT_KNOWN
    if name in ("count", "length"):
        return _count(of, name)
    if isinstance(of, list):
        found = [member(each, name) for each in of]
        return _NOT_KNOWN if any(isinstance(each, Unknown) for each in found) else found
    return _NOT_KNOWN


def _count(of: Value, name: str) -> Value:
    if isinstance(of, list):
        return _NOT_KNOWN if any(isinstance(each, Unknown | Rules) for each in of) else len(of)
    if isinstance(of, str):
        return len(of) if name == "length" else 1
    if isinstance(of, Rules):
        return _NOT_KNOWN if of.others else len(of.drafts)
    if of is None:
        return 0
    return _NOT_KNOWN if isinstance(of, Unknown) else 1


def _of_rule(draft: Draft, name: str) -> Value:
    if name not in _OF_RULE or draft.given:
        return _NOT_KNOWN
    parameter, default = _OF_RULE[name]
    return _NOT_KNOWN if draft.unknown.keys() & {parameter, "*"} else draft.one(parameter, default)


def index(of: Value, at: Value) -> Value:
    """``of[at]``."""
    if isinstance(of, Table):
        key = text_of(at)
        return _NOT_KNOWN if key is None or of.murky else of.get(key.lower())
    if isinstance(of, list | str) and isinstance(at, int):
        if any(isinstance(each, Unknown) for each in of):
            return _NOT_KNOWN
        return of[at] if -len(of) <= at < len(of) else None
    return _NOT_KNOWN


def _add(of: Value, arguments: list[Value]) -> Value:
    if isinstance(of, Table):
        key = text_of(arguments[0])
        if key is None:
            raise ValueError
        of.put(key, arguments[1])
    elif isinstance(of, list):
        of.append(arguments[0])
    else:
        raise TypeError
    return None


def _remove(of: Value, arguments: list[Value]) -> Value:
    key = text_of(arguments[0])
    if not isinstance(of, Table) or key is None:
        raise TypeError
    of.pop(key.lower(), None)
    of.names.pop(key.lower(), None)
    return None


def _clone(of: Value, _arguments: list[Value]) -> Value:
    if isinstance(of, Table):
        return of.copy()
    if isinstance(of, list):
        return list(of)
    raise TypeError


def _enumerate(of: Value, _arguments: list[Value]) -> Value:
    if not isinstance(of, Table) or of.murky:
        raise TypeError
    return [Pair(of.names[key], value) for key, value in of.items()]


def _has(of: Value, arguments: list[Value]) -> Value:
    key = text_of(arguments[0])
    if not isinstance(of, Table) or of.murky or key is None:
        raise TypeError
    return key.lower() in of


def _of_text(make: Callable[[str], str]) -> Callable[[Value, list[Value]], Value]:
    def method(of: Value, arguments: list[Value]) -> Value:
        text = text_of(of)
        if text is None or arguments or isinstance(of, list):
            raise TypeError
        return make(text)

    return method


#: Methods that are known, by their name in lower case; they raise what `Call` takes for "not known".
METHODS: dict[str, Callable[[Value, list[Value]], Value]] = {
    "add": _add,
    "remove": _remove,
    "clone": _clone,
    "getenumerator": _enumerate,
    "contains": _has,
    "containskey": _has,
    "tostring": _of_text(lambda text: text),
    "trim": _of_text(str.strip),
    "tolower": _of_text(str.lower),
    "toupper": _of_text(str.upper),
}
