"""Interval algebra against plain Python sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwadvisor.model.interval import (
    contains,
    covers,
    format_ports,
    intersect,
    normalize,
    overlaps,
    size,
    subtract,
    union,
)

TOP = 40
ranges = st.lists(
    st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda pair: (min(pair), max(pair))), max_size=6
)


def members(intervals):
    return {value for first, last in intervals for value in range(first, last + 1)}


@given(ranges, ranges)
def test_operations_agree_with_sets(a, b):
    left, right = normalize(a), normalize(b)
    assert members(left) == members(a)
    assert members(union(left, right)) == members(a) | members(b)
    assert members(intersect(left, right)) == members(a) & members(b)
    assert members(subtract(left, right)) == members(a) - members(b)
    assert overlaps(left, right) == bool(members(a) & members(b))
    assert covers(left, right) == (members(b) <= members(a))
    assert size(left) == len(members(a))
    assert all(contains(left, value) == (value in members(a)) for value in range(TOP + 1))


@given(ranges, ranges)
def test_results_are_canonical(a, b):
    """Equal sets are equal tuples, so neither overlap nor touch."""
    for result in (normalize(a), union(normalize(a), normalize(b)), intersect(normalize(a), normalize(b))):
        assert result == normalize((value, value) for value in members(result))
    assert subtract(normalize(a), normalize(b)) == normalize((v, v) for v in members(a) - members(b))


def test_reversed_range_is_refused():
    with pytest.raises(ValueError, match="9-3 ends before it begins"):
        normalize([(9, 3)])


def test_ports_as_people_write_them():
    assert format_ports(normalize([(80, 81), (22, 22)])) == "22,80-81"
    assert format_ports(normalize([(80, 81), (22, 22)]), dash=":", comma=" ") == "22 80:81"
