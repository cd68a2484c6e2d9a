"""Calls whose signalling a gatekeeper routes, while media runs to the endpoint itself: no helper follows such media."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest
from call.calls import SIGNAL, Call, Endpoint, RefusedError
from negotiating.meeting import Meeting
from rig import BOX, Rig

from fwadvisor.generate import Request, generate
from fwadvisor.model.address import Family

PROFILES = Path(__file__).parent / "call" / "profiles"
WAYS = ("nftables", "iptables-nft", "iptables-legacy")
#: The gatekeeper is the far end of the link; the endpoint that is called has another address there.
GATEKEEPER = "198.18.0.2,2001:2::2"
CALLED = "198.18.0.77,2001:2::77"
H245, RTP = 42000, 3230


@cache
def written(way: str, settings: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    target = way.partition("-")[0]
    profiles = ("h323-needed", "closed")
    made = generate(Request(profiles=profiles, settings=dict(settings), targets=(target,), profile_dirs=(PROFILES,)))
    return tuple(file.content.decode() for file in made.outputs[target])


def load(rig: Rig, way: str, **settings: str) -> None:
    texts = written(way, tuple(sorted({"gatekeeper": GATEKEEPER, "peers": CALLED, "calls": "1", **settings}.items())))
    if way == "nftables":
        rig.load_nftables(texts[0])
    else:
        rig.load_iptables(texts[0], texts[1], way.partition("-")[2])


@contextmanager
def routed(rig: Rig, family: Family, h245: int = H245) -> Iterator[tuple[Call, str]]:
    """A call of this machine that the gatekeeper routes, and the address to which its media goes."""
    with rig.live() as live, Meeting(live, family, BOX, "wan0") as meeting, meeting.stranger() as called:
        ends = (("caller", BOX, RTP), ("callee", "wan0", RTP + 10))
        parties = [
            Endpoint(
                role, place, str(ip_address(live.address(place, family, "wan0" if place == BOX else ""))), h245, rtp
            )
            for role, place, rtp in ends
        ]
        with Call(live, family, *parties) as call:
            call.slots_of_media = {"callee.address": str(ip_address(called))}
            try:
                yield call, called
            finally:
                live.places.run(BOX, ["ip", "neigh", "del", called, "dev", "wan0"])


def leaves(call: Call, called: str) -> bool:
    """Whether media of the caller leaves the box."""
    try:
        return call.reaches("caller", "rtp", called)
    except PermissionError:
        return False


def arrives(call: Call, called: str, port: int) -> bool:
    """Whether media of the called endpoint reaches the caller."""
    with Meeting(call.live, call.family, BOX, "wan0") as meeting:
        return meeting.udp("wan0", BOX, (RTP + 20, port), address=called)


every_family = pytest.mark.parametrize("family", list(Family), ids=lambda family: f"v{family.value}")
every_way = pytest.mark.parametrize("way", WAYS)


@every_family
@every_way
def test_signalling_is_followed_and_media_is_pinned(rig: Rig, way: str, family: Family) -> None:
    load(rig, way, media="gatekeeper-routed")
    with routed(rig, family) as (call, called):
        call.set_up()
        assert leaves(call, called)
        assert arrives(call, called, RTP + 2)
        assert not arrives(call, called, RTP + 100), "outside of the range"
        with Meeting(call.live, family, BOX, "wan0") as meeting:
            assert not meeting.tcp("wan0", BOX, SIGNAL, address=called), "call set-up past the gatekeeper"
            assert not meeting.tcp("wan0", BOX, RTP, address=called), "control past the gatekeeper"


@every_family
@every_way
def test_a_helper_alone_leaves_such_media_closed(rig: Rig, way: str, family: Family) -> None:
    load(rig, way, media="tracked", peers=GATEKEEPER)
    with routed(rig, family) as (call, called):
        call.set_up()
        assert not leaves(call, called)
        assert not arrives(call, called, RTP + 2)


@every_way
def test_protected_signalling_needs_the_pinned_control_channel(rig: Rig, way: str) -> None:
    load(rig, way, media="gatekeeper-routed", protected="true")
    with routed(rig, Family.IPV4, h245=RTP) as (call, called):
        call.set_up()
        assert leaves(call, called)
    with routed(rig, Family.IPV4) as (call, _), pytest.raises(RefusedError, match="port 42000"):
        call.set_up()
