"""Real calls through what `generate` writes: what is negotiated passes, nothing else does, and nothing stays open."""

from __future__ import annotations

import time

import pytest
from call.calls import BRIEF
from call.scenes import (
    HOST,
    MASQUERADED,
    PLACES,
    ROUTER,
    all_passes,
    between,
    early,
    every_family,
    every_way,
    fast,
    nothing_else_passes,
    prepare,
    slow,
    tunnelled,
)
from rig import BOX, Rig

from fwadvisor.model.address import Family

#: The kernel rewrites addresses inside of messages for IPv4 only, so IPv6 is not called through a translation.
TRACKED = [
    pytest.param(place, family, id=f"{place}-v{family.value}")
    for place in PLACES
    for family in Family
    if (place, family) != (MASQUERADED, Family.IPV6)
]


@pytest.mark.parametrize(("place", "family"), TRACKED)
@every_way
def test_a_tracked_call_passes_and_nothing_else(rig: Rig, way: str, place: str, family: Family, noted) -> None:
    ends = prepare(rig, way, place)
    for kind in (slow, early, fast):
        with between(rig, family, ends) as call:
            kind(call)
            all_passes(call)
            nothing_else_passes(call)
            call.hang_up()
            noted(call)


@every_family
@pytest.mark.parametrize("place", [*HOST, *ROUTER])
@every_way
def test_a_tunnelled_call_passes_where_the_helper_reads_it(
    rig: Rig, way: str, place: str, family: Family, noted
) -> None:
    with between(rig, family, prepare(rig, way, place)) as call:
        tunnelled(call)
        assert call.media("caller", "rtp")
        assert call.media("caller", "rtcp")
        nothing_else_passes(call)
        noted(call)


@every_family
@pytest.mark.parametrize("place", [*ROUTER])
@every_way
def test_data_sharing_passes_where_it_was_negotiated(rig: Rig, way: str, place: str, family: Family, noted) -> None:
    with between(rig, family, prepare(rig, way, place), caller_t120=45000) as call:
        slow(call)
        call.control(("open-data", "caller"))
        assert call.stream("callee", "t120")
        nothing_else_passes(call)
        noted(call)


@every_family
@every_way
def test_nothing_stays_open_after_a_call(rig: Rig, way: str, family: Family, noted) -> None:
    ends = prepare(rig, way, "router, from inside")
    _impatient(rig)
    with between(rig, family, ends) as call:
        slow(call)
        all_passes(call)
        call.hang_up()
        call.patience = BRIEF
        deadline = time.monotonic() + 10
        while _known(rig, family) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert _known(rig, family) == ""
        assert len(call.talk()) == 4, "media passes after the call"
        noted(call)


def _impatient(rig: Rig) -> None:
    """Let the box forget connections a second after their last packet."""
    names = ("tcp_timeout_time_wait", "tcp_timeout_last_ack", "tcp_timeout_fin_wait", "tcp_timeout_close_wait")
    names += ("tcp_timeout_close", "udp_timeout", "udp_timeout_stream")
    rig.places.settings(BOX, {f"netfilter/nf_conntrack_{name}": "1" for name in names})


def _known(rig: Rig, family: Family) -> str:
    """Connections of the call that the box knows, and those that it expects."""
    option = ["-f", f"ipv{family.value}"]
    tables = (rig.places.must(BOX, ["conntrack", "-L", *each, *option]) for each in ([], ["expect"]))
    lines = (line for table in tables for line in table.splitlines())
    return "\n".join(line for line in lines if "tcp" in line or "udp" in line)
