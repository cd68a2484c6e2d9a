"""What helpers do not follow, and what they expect without being asked: it stays closed."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from call import RefusedError
from call.calls import BRIEF, SIGNAL
from call.scenes import (
    MASQUERADE,
    MASQUERADED,
    all_passes,
    between,
    every_family,
    every_way,
    nothing_else_passes,
    prepare,
    slow,
)
from negotiating.meeting import Meeting
from rig import BOX, Rig

from fwadvisor.model.address import Family

#: A helper that somebody else assigned, before ours could: what it expects is related to call set-up, too.
_FOREIGN = """
table inet foreign {
  ct helper reader {
    type "ftp" protocol tcp
  }
  chain early {
    type filter hook prerouting priority mangle;
    tcp dport 1720 ct helper set "reader"
  }
}
"""


@every_family
def test_what_other_helpers_expect_is_not_accepted(rig: Rig, family: Family) -> None:
    """iptables assigns first of all, so nobody can come before it."""
    ends = prepare(rig, "nftables", "router, from inside")
    rig.load_nftables(_FOREIGN)
    with rig.live() as live, Meeting(live, family, *ends) as meeting:
        client, server = meeting.connection(SIGNAL)
        for sender, reader, line in ((server, client, "220 ready"), (client, server, "USER nobody")):
            sender.sendall(f"{line}\r\n".encode())
            reader.recv(64)
        address = meeting.address(ends[1])
        told = f"227 Entering Passive Mode ({address.replace('.', ',')},200,10)."
        server.sendall(f"{told if family is Family.IPV4 else '229 Extended (|||51210|)'}\r\n".encode())
        client.recv(200)
        assert "helper=ftp" in live.places.must(BOX, ["conntrack", "-L", "expect", "-f", f"ipv{family.value}"])
        assert not meeting.tcp(*ends, 51210)


#: Calls that arrive at the box are forwarded to the callee behind it.
_FORWARD = """
table inet forwarded {
  chain arriving {
    type nat hook prerouting priority dstnat;
    iifname "wan0" ip daddr SHOWN tcp dport 1720 dnat ip to CALLEE
  }
}
"""


@pytest.mark.parametrize("told", [False, True], ids=["not told", "told"])
@every_way
def test_a_forwarded_call_passes_where_the_assignment_sees_its_address(rig: Rig, way: str, told: bool, noted) -> None:
    """iptables assigns helpers before it translates: the zone needs the address that callers use as well."""
    place = "router, from outside"
    shown = "198.18.0.1"
    ends = prepare(rig, way, place, **({"shown": shown} if told else {}))
    with between(rig, Family.IPV4, ends) as call:
        assert str(ip_address(call.live.address(BOX, Family.IPV4, "wan0"))) == shown
        rig.load_nftables(MASQUERADE)
        rig.load_nftables(_FORWARD.replace("SHOWN", shown).replace("CALLEE", call.callee.address))
        call.called = (shown, SIGNAL)
        if way != "nftables" and not told:
            with pytest.raises(RefusedError, match="callee port 42000"):
                slow(call)
            return
        slow(call)
        all_passes(call)
        assert call.heard["caller"]["callee.address"] == shown
        nothing_else_passes(call)
        noted(call)


@every_family
@every_way
def test_what_is_agreed_below_the_high_ports_stays_closed(rig: Rig, way: str, family: Family, noted) -> None:
    """Whoever calls cannot have a port of a system service opened by naming it."""
    ends = prepare(rig, way, "router, from inside")
    with (
        between(rig, family, ends, callee_h245=600, later=BRIEF) as call,
        pytest.raises(RefusedError, match="callee port 600"),
    ):
        slow(call)
    with between(rig, family, ends, callee_rtp=600) as call:
        slow(call)
        assert call.talk() == ["rtp of the caller", "rtcp of the caller"]
        noted(call)


@every_way
def test_calls_behind_translated_ipv6_have_no_way_back(rig: Rig, way: str) -> None:
    """The kernel rewrites what messages say of addresses for IPv4 only."""
    with between(rig, Family.IPV6, prepare(rig, way, MASQUERADED), later=BRIEF) as call:
        slow(call)
        assert call.talk() == ["rtp of the callee", "rtcp of the callee"]


@every_family
@every_way
def test_a_message_in_two_segments_is_not_followed(rig: Rig, way: str, family: Family) -> None:
    with between(rig, family, prepare(rig, way, "router, from inside"), later=BRIEF) as call:
        call.split = 40
        with pytest.raises(RefusedError, match="TCP caller -> callee port 42000"):
            slow(call)


@every_family
@every_way
def test_media_at_another_host_than_signalling_is_not_followed(rig: Rig, way: str, family: Family) -> None:
    """As with a gatekeeper that routes signalling: the helper opens only towards the address that signals."""
    for media, reached in (("tracked", False), ("everything", True)):
        rig.clear()
        with between(rig, family, prepare(rig, way, "router, from inside", media=media)) as call:
            elsewhere = str(ip_address(call.callee.address) + 5)
            call.slots_of_media = {"callee.address": elsewhere}
            slow(call)
            assert call.reaches("caller", "rtp", elsewhere) is reached
