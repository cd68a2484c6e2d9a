"""Calls that a gatekeeper admits, and the question to all who it is."""

from __future__ import annotations

import pytest
from call import Call, RefusedError
from call.calls import DISCOVERY, DISCOVERY_GROUP, RAS, SIGNAL
from call.scenes import (
    all_passes,
    between,
    every_family,
    every_way,
    host,
    nothing_else_passes,
    slow,
)
from rig import BOX, Rig

from fwadvisor.model.address import Family

#: Where the gatekeeper is, and the port on which the callee awaits calls.
GATEKEEPER, ANOTHER_PORT = "wan0", 11720


def registering(call: Call, family: Family, live_address: str) -> tuple[str, int]:
    """Register with the gatekeeper, and ask it whom to call."""
    call.slots = {
        "gatekeeper.address": live_address,
        "gatekeeper.ras.port": RAS,
        "gatekeeper.signal.port": SIGNAL,
    }
    target = (live_address, RAS)
    for asked, answered in (("registration", "registered"), ("admission", "admitted")):
        call.datagram_message(asked, "caller", target, (RAS, RAS))
        call.datagram_message(answered, "callee", (call.caller.address, RAS), (RAS, RAS))
    return call.heard["caller"]["callee.address"], call.heard["caller"]["callee.signal.port"]


@every_family
@every_way
def test_a_call_through_a_gatekeeper_goes_where_it_says(rig: Rig, way: str, family: Family, noted) -> None:
    """Not to port 1720: the helper of RAS reads the answer, and opens the port that is in it."""
    gatekeeper = "198.18.0.2,2001:2:0:0::2"
    host(rig, way, gatekeeper=gatekeeper, peers=gatekeeper)
    ends = (BOX, GATEKEEPER)
    with between(rig, family, ends, callee_signal=ANOTHER_PORT) as call, pytest.raises(RefusedError, match="11720"):
        slow(call)
    with between(rig, family, ends, callee_signal=ANOTHER_PORT) as call:
        said = registering(call, family, call.callee.address)
        assert said == (call.callee.address, ANOTHER_PORT)
        slow(call)
        all_passes(call)
        nothing_else_passes(call)
        noted(call)


@every_way
def test_exactly_the_gatekeeper_answers_the_question_to_all(rig: Rig, way: str, noted) -> None:
    """The answer to a multicast is the packet of a new connection to connection tracking."""
    family = Family.IPV4
    host(rig, way, gatekeeper="198.18.0.2", peers="198.18.0.2", discovery="true")
    with between(rig, family, (BOX, GATEKEEPER)) as call:
        call.slots = {"gatekeeper.address": call.callee.address, "gatekeeper.ras.port": RAS}
        call.join("callee", DISCOVERY_GROUP, DISCOVERY)
        call.datagram_message("discovery", "caller", (DISCOVERY_GROUP, DISCOVERY), (RAS, DISCOVERY))
        call.datagram_message("discovered", "callee", (call.caller.address, RAS), (DISCOVERY, RAS))
        noted(call)
    with between(rig, family, (BOX, "lan0")) as call:
        call.slots = {"gatekeeper.address": call.callee.address, "gatekeeper.ras.port": RAS}
        with pytest.raises(RefusedError, match="discovered of the callee"):
            call.datagram_message("discovered", "callee", (call.caller.address, RAS), (DISCOVERY, RAS))
