"""Calls whose ports are fixed: pinned, tunnelled, through a traversal server, refused, and everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from call import Call, RefusedError
from call.calls import BRIEF
from call.scenes import (
    HOST,
    RECORDED,
    ROUTER,
    all_passes,
    between,
    every_family,
    every_way,
    fast,
    host,
    prepare,
    slow,
    tunnelled,
)
from rig import Rig

from fwadvisor.model.address import Family


@every_family
@pytest.mark.parametrize("place", [*HOST, *ROUTER])
@every_way
def test_a_pinned_call_passes_within_its_range(rig: Rig, way: str, place: str, family: Family, noted) -> None:
    ranges = {"tcp_range": "3230-3241", "udp_range": "3230-3277"}
    ends = prepare(rig, way, place, media="pinned", **ranges)
    for kind in (slow, fast):
        with between(rig, family, ends, pinned=True) as call:
            kind(call)
            all_passes(call)
            noted(call)
    # The same call with other ports is one without control, and without media.
    with between(rig, family, ends, later=BRIEF) as call, pytest.raises(RefusedError, match="callee port 42000"):
        slow(call)
    with between(rig, family, ends, later=BRIEF) as call:
        fast(call)
        assert len(call.talk()) == 4, "media passes outside of the range"


@every_family
@every_way
def test_a_message_that_the_kernel_cannot_read_is_carried_by_the_pinned_fallback(
    rig: Rig, way: str, family: Family, noted
) -> None:
    """CONNECT of H.225.0 version 7 announces more extensions than the kernel's table has."""
    answer = (("setup", "caller"), ("call-proceeding", "callee"), ("alerting", "callee"), ("connect-new", "callee"))
    ends = prepare(rig, way, "router, from inside")
    with between(rig, family, ends, pinned=True, later=BRIEF) as call:
        call.signal(*answer)
        with pytest.raises(RefusedError, match="TCP caller -> callee port 3230"):
            call.negotiate()
    rig.clear()
    prepare(rig, way, "router, from inside", tcp_range="3230-3233", udp_range="3230-3245")
    with between(rig, family, ends, pinned=True) as call:
        call.signal(*answer)
        call.negotiate()
        all_passes(call)
        noted(call)


@pytest.mark.parametrize("kind", [slow, fast], ids=lambda kind: kind.__name__)
def test_the_call_is_the_recorded_one(rig: Rig, kind: Callable[[Call], None]) -> None:
    """What tests/test_recorded_calls.py asks of all dialects: endpoints that keep to the pinned ports."""
    with between(rig, Family.IPV4, prepare(rig, "nftables", "host callee", media="tracked"), pinned=True) as call:
        kind(call)
        all_passes(call)
        assert call.record == (RECORDED / f"{kind.__name__}.txt").read_text(encoding="utf-8").splitlines()


@every_family
@pytest.mark.parametrize("place", [*HOST, *ROUTER])
@every_way
def test_a_tunnelled_call_needs_no_port_but_those_of_media(
    rig: Rig, way: str, place: str, family: Family, noted
) -> None:
    ends = prepare(rig, way, place, media="tunnelled", udp_range="3230-3277")
    with between(rig, family, ends, pinned=True) as call:
        tunnelled(call)
        # Each hears where it said when it opened its own channel.
        call.heard["caller"]["callee.rtp.port"] = call.callee.rtp
        call.heard["caller"]["callee.rtcp.port"] = call.callee.rtp + 1
        call.heard["callee"]["caller.rtcp.port"] = call.caller.rtp + 1
        all_passes(call)
        noted(call)
    outside = between(rig, family, ends, pinned=True, later=BRIEF)
    with outside as call, pytest.raises(RefusedError, match="callee port 3230"):
        slow(call)


@every_family
@every_way
def test_a_call_through_a_traversal_server_is_begun_from_inside_alone(
    rig: Rig, way: str, family: Family, noted
) -> None:
    """What comes back is held open by what was sent; the server itself begins nothing."""
    ends = HOST["host caller"]
    settings = {"media": "traversal", "traversal_server": "198.18.0.2,2001:2:0:0::2"}
    host(rig, way, tcp_range="3230-3231", udp_range="3230-3233", **settings)
    with between(rig, family, ends, pinned=True) as call:
        slow(call)
        assert not call.media("callee", "rtp"), "before anything was sent"
        assert call.media("caller", "rtp")
        assert call.media("callee", "rtp"), "an answer"
        noted(call)
    with between(rig, family, (ends[1], ends[0])) as call, pytest.raises(RefusedError, match="callee port 1720"):
        slow(call)


@every_family
@every_way
def test_refused_media_connects_calls_without_sound(rig: Rig, way: str, family: Family) -> None:
    with between(rig, family, prepare(rig, way, "host callee", media="refused"), later=BRIEF) as call:
        call.signal(("setup", "caller"), ("connect", "callee"))
        with pytest.raises(RefusedError, match="TCP caller -> callee"):
            call.negotiate()
    with between(rig, family, HOST["host callee"], later=BRIEF) as call:
        fast(call)
        assert call.talk() == ["rtp of the caller", "rtcp of the caller", "rtp of the callee", "rtcp of the callee"]


@every_family
@every_way
def test_everything_passes_where_the_profile_asks_for_it_in_plain_words(rig: Rig, way: str, family: Family) -> None:
    with between(rig, family, prepare(rig, way, "host callee", media="everything")) as call:
        call.signal(("setup", "caller"), ("connect-new", "callee"))
        call.negotiate()
        all_passes(call)
        assert len(call.others()) == 16
