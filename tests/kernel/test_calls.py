"""Real calls through what `generate` writes: what is negotiated passes, nothing else does, and nothing stays open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest
from call import Call, Endpoint, RefusedError
from call.calls import DISCOVERY, DISCOVERY_GROUP, RAS, SIGNAL
from negotiating.meeting import Meeting
from rig import BOX, Rig

from fwadvisor.generate import Request, generate
from fwadvisor.model.address import Family

PROFILES = Path(__file__).parent / "call" / "profiles"
RECORDED = PROFILES.with_name("recorded")
#: Who is called and may call: everybody at the far ends of the links.
PEERS = "198.18.0.0/16,2001:2::/48"
WAYS = ("nftables", "iptables-nft", "iptables-legacy")
#: Place -> where caller and callee are.
HOST = {"host caller": (BOX, "wan0"), "host callee": ("wan0", BOX)}
ROUTER = {"router, from inside": ("lan0", "wan0"), "router, from outside": ("wan0", "lan0")}
MASQUERADED = "masquerading router"
_ROLES = ("caller", "callee")

_MASQUERADE = """
table inet hidden {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "wan0" masquerade
  }
}
"""


@cache
def written(way: str, profiles: tuple[str, ...], settings: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """The texts for a way of loading."""
    target = way.partition("-")[0]
    made = generate(Request(profiles=profiles, settings=dict(settings), targets=(target,), profile_dirs=(PROFILES,)))
    return tuple(file.content.decode() for file in made.outputs[target])


def load(rig: Rig, way: str, profiles: tuple[str, ...], **settings: str) -> None:
    texts = written(way, profiles, tuple(sorted(settings.items())))
    if way == "nftables":
        rig.load_nftables(texts[0])
    else:
        rig.load_iptables(texts[0], texts[1], way.partition("-")[2])


def host(rig: Rig, way: str, **settings: str) -> None:
    """The rules of an endpoint that calls the peers, and nothing else."""
    load(rig, way, ("h323-needed", "closed"), **{"peers": PEERS, **settings})


def router(rig: Rig, way: str, **settings: str) -> None:
    """The rules of a router between endpoints."""
    load(rig, way, ("h323-router",), **settings)


@contextmanager
def between(rig: Rig, family: Family, ends: tuple[str, str], pinned: bool = False, **ports: int) -> Iterator[Call]:
    """A call to be made between two places; pinned endpoints keep to the ports from 3230."""
    with rig.live() as live:
        first = 3230 if pinned else 41000
        parties = []
        for number, (role, place) in enumerate(zip(_ROLES, ends, strict=True)):
            address = str(ip_address(live.address(place, family, "wan0" if place == BOX else "")))
            h245, rtp = (first, first) if pinned else (first + 1000 * number, first + 500 + 1000 * number)
            own = {key.partition("_")[2]: value for key, value in ports.items() if key.startswith(role)}
            parties.append(Endpoint(role, place, address, **{"h245": h245, "rtp": rtp, **own}))
        with Call(live, family, *parties) as made:
            yield made


@pytest.fixture
def noted(count: Callable[[str], None]) -> Iterator[Callable[[Call], None]]:
    """Counts what calls checked."""
    calls: list[Call] = []
    yield calls.append
    count(f"{sum(each.passed for each in calls)} passed as negotiated, {sum(each.kept for each in calls)} kept out")


def all_passes(call: Call) -> None:
    assert call.talk() == []


def nothing_else_passes(call: Call) -> None:
    assert call.others() == []


PLACES = [*HOST, *ROUTER, MASQUERADED]


def prepare(rig: Rig, way: str, place: str, **settings: str) -> tuple[str, str]:
    """Load the rules for a place; returns where caller and callee are."""
    if place in HOST:
        host(rig, way, **settings)
        return HOST[place]
    router(rig, way, **settings)
    if place == MASQUERADED:
        rig.load_nftables(_MASQUERADE)
        return ROUTER["router, from inside"]
    return ROUTER[place]


def slow(call: Call) -> None:
    call.set_up()


def early(call: Call) -> None:
    """H.245 begins while it rings."""
    call.signal(("setup", "caller"), ("call-proceeding", "callee"), ("alerting-early", "callee"))
    call.negotiate()
    call.signal(("connect", "callee"))


def fast(call: Call) -> None:
    """Fast connect: media is agreed in call signalling, and H.245 never begins."""
    call.signal(("setup-fast", "caller"), ("call-proceeding", "callee"), ("alerting", "callee"))
    call.signal(("connect-fast", "callee"))


def tunnelled(call: Call) -> None:
    """H.245 inside call signalling."""
    call.signal(("setup-tunnelled", "caller"), ("alerting", "callee"), ("connect-tunnelled", "callee"))
    call.signal(("tunnelled-capabilities", "caller"), ("tunnelled-capabilities", "callee"))
    call.signal(("tunnelled-open", "caller"), ("tunnelled-acknowledge", "callee"))
    # The channel back is the caller's to acknowledge: it hears where it said when it opened its own.
    call.heard["callee"]["caller.rtp.port"] = call.caller.rtp


#: The kernel rewrites addresses inside of messages for IPv4 only, so IPv6 is not called through a translation.
TRACKED = [
    pytest.param(place, family, id=f"{place}-v{family.value}")
    for place in PLACES
    for family in Family
    if (place, family) != (MASQUERADED, Family.IPV6)
]
every_family = pytest.mark.parametrize("family", list(Family), ids=lambda family: f"v{family.value}")
every_way = pytest.mark.parametrize("way", WAYS)


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
@every_way
def test_nothing_stays_open_after_a_call(rig: Rig, way: str, family: Family, noted) -> None:
    ends = prepare(rig, way, "router, from inside")
    _impatient(rig)
    with between(rig, family, ends) as call:
        slow(call)
        all_passes(call)
        call.hang_up()
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
    with between(rig, family, ends) as call, pytest.raises(RefusedError, match="callee port 42000"):
        slow(call)
    with between(rig, family, ends) as call:
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
    with between(rig, family, ends, pinned=True) as call:
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
    with between(rig, family, ends, pinned=True) as call, pytest.raises(RefusedError, match="callee port 3230"):
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
        rig.load_nftables(_MASQUERADE)
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
    with between(rig, family, ends, callee_h245=600) as call, pytest.raises(RefusedError, match="callee port 600"):
        slow(call)
    with between(rig, family, ends, callee_rtp=600) as call:
        slow(call)
        assert call.talk() == ["rtp of the caller", "rtcp of the caller"]
        noted(call)


@every_way
def test_calls_behind_translated_ipv6_have_no_way_back(rig: Rig, way: str) -> None:
    """The kernel rewrites what messages say of addresses for IPv4 only."""
    with between(rig, Family.IPV6, prepare(rig, way, MASQUERADED)) as call:
        slow(call)
        assert call.talk() == ["rtp of the callee", "rtcp of the callee"]


@every_family
@every_way
def test_a_message_in_two_segments_is_not_followed(rig: Rig, way: str, family: Family) -> None:
    with between(rig, family, prepare(rig, way, "router, from inside")) as call:
        call.split = 40
        with pytest.raises(RefusedError, match="TCP caller -> callee port 42000"):
            slow(call)


@every_family
@every_way
def test_refused_media_connects_calls_without_sound(rig: Rig, way: str, family: Family) -> None:
    with between(rig, family, prepare(rig, way, "host callee", media="refused")) as call:
        call.signal(("setup", "caller"), ("connect", "callee"))
        with pytest.raises(RefusedError, match="TCP caller -> callee"):
            call.negotiate()
    with between(rig, family, HOST["host callee"]) as call:
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
