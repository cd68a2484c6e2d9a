"""Real conversations through generated rules: what they agree on passes, and nothing else, helper by helper."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest
from negotiating import talks
from negotiating.meeting import Meeting
from negotiating.talks import DATA, Agreed
from rig import BOX, Rig

from fwadvisor.generate import Request, generate
from fwadvisor.model.address import Family

PROFILES = Path(__file__).parent / "negotiating" / "profiles"
WAYS = ("nftables", "iptables-nft", "iptables-legacy")
#: Where the one who asks is, and who is asked.
ROUTED, OWN = ("lan0", "wan0"), (BOX, "wan0")
V4, V6 = Family.IPV4, Family.IPV6
#: Conversation, and the IP versions that the kernel's helper knows.
TALKS: dict[Callable[[Meeting], list[Agreed]], tuple[Family, ...]] = {
    talks.ftp_passive: (V4, V6),
    talks.ftp_active: (V4, V6),
    talks.tftp: (V4, V6),
    talks.sip: (V4, V6),
    talks.irc: (V4,),
    talks.amanda: (V4, V6),
    talks.sane: (V4, V6),
    talks.pptp: (V4,),
}
CONVERSATIONS = [
    pytest.param(talk, family, id=f"{talk.__name__}-v{family.value}")
    for talk, families in TALKS.items()
    for family in families
]


@cache
def written(way: str, profile: str) -> tuple[str, ...]:
    target = way.partition("-")[0]
    made = generate(Request(profiles=(str(PROFILES / f"{profile}.yaml"),), targets=(target,)))
    return tuple(file.content.decode() for file in made.outputs[target])


def load(rig: Rig, way: str, profile: str) -> None:
    texts = written(way, profile)
    if way == "nftables":
        rig.load_nftables(texts[0])
    else:
        rig.load_iptables(texts[0], texts[1], way.partition("-")[2])


def reached(meeting: Meeting, agreed: Agreed, port: int, address: str = "") -> bool:
    """Whether one packet or connection of what was agreed passes, maybe to another port or from another address."""
    if agreed.transport == "gre":
        return meeting.gre(agreed.source, agreed.target, port, address=address)
    if agreed.transport == "udp":
        return meeting.udp(agreed.source, agreed.target, (agreed.sport, port), address=address)
    return meeting.tcp(agreed.source, agreed.target, port, sport=agreed.sport, address=address)


def exactly(meeting: Meeting, agreed: list[Agreed]) -> tuple[int, int]:
    """Check that what was agreed passes, and nothing beside it; returns how many of each were checked."""
    kept = 0
    for each in agreed:
        assert not reached(meeting, each, max(each.ports) + 1), f"{each}: the next port passes"
        kept += 1
        if each.source != meeting.asked:
            continue
        with meeting.stranger() as other:
            assert reached(meeting, each, each.ports[0], other) is each.anybody, f"{each}: from a stranger"
            kept += not each.anybody
        if each.anybody:
            # An expectation is spent with its first connection.
            return 1, kept
    for each in agreed:
        for port in each.ports:
            assert reached(meeting, each, port), f"{each}: port {port}"
    return sum(len(each.ports) for each in agreed), kept


@pytest.mark.parametrize("ends", [ROUTED, OWN], ids=["router", "host"])
@pytest.mark.parametrize(("talk", "family"), CONVERSATIONS)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_agreed_passes_and_nothing_else(rig: Rig, way, talk, family, ends, count) -> None:
    load(rig, way, "router" if ends is ROUTED else "host")
    with rig.live() as live, Meeting(live, family, *ends) as meeting:
        passed, kept = exactly(meeting, talk(meeting))
    count(f"{passed} passed as negotiated, {kept} kept out")


@pytest.mark.parametrize(("talk", "family"), CONVERSATIONS)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_it_passes_where_media_is_refused(rig: Rig, way, talk, family) -> None:
    load(rig, way, "refused")
    with rig.live() as live, Meeting(live, family, *ROUTED) as meeting:
        for each in talk(meeting):
            assert not reached(meeting, each, each.ports[0]), each


@pytest.mark.parametrize("way", WAYS)
def test_a_tunnel_that_nobody_follows_is_two_connections(rig: Rig, way) -> None:
    """Each direction of PPTP has a call identifier of its own, so opening one does not let the other answer."""
    load(rig, way, "unfollowed")
    with rig.live() as live, Meeting(live, V4, *ROUTED) as meeting:
        there, back = talks.pptp(meeting)
        assert reached(meeting, there, there.ports[0])
        assert not reached(meeting, back, back.ports[0])


@pytest.mark.parametrize("talk", [talks.irc, talks.pptp], ids=lambda talk: talk.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_helpers_of_ipv4_are_not_written_for_ipv6(way, talk) -> None:
    name = talk.__name__
    if way == "nftables":
        (text,) = written(way, "router")
        assert f'type "{name}" protocol tcp\n\t\tl3proto ip\n' in text
        lines = [line for line in text.splitlines() if f'"helper_{name}_tcp"' in line]
        assert lines
        assert all("meta nfproto ipv4" in line for line in lines)
    else:
        v4, v6 = written(way, "router")
        assert f'--helper "{name}"' in v4
        assert f'"{name}"' not in v6


_MASQUERADE = """
table inet hidden {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "wan0" masquerade
  }
}
"""


@pytest.mark.parametrize("family", list(Family), ids=lambda family: f"v{family.value}")
@pytest.mark.parametrize("way", WAYS)
def test_addresses_inside_messages_are_rewritten_where_they_are_hidden(rig: Rig, way: str, family: Family) -> None:
    """By the helpers of FTP and SIP for both IP versions, as the port knowledge says (`nat_families`)."""
    load(rig, way, "router")
    rig.load_nftables(_MASQUERADE)
    with rig.live() as live, Meeting(live, family, *ROUTED) as meeting:
        hidden, shown = (ip_address(live.address(*each)) for each in (("lan0", family), (BOX, family, "wan0")))
        client, server = talks.ftp_control(meeting)
        comma = f"PORT {str(hidden).replace('.', ',')},200,10"
        client.sendall(f"{comma if family is V4 else f'EPRT |2|{hidden}|51210|'}\r\n".encode())
        heard = server.recv(200).decode()
        told = heard.split()[1].replace(",", ".").rsplit(".", 2)[0] if family is V4 else heard.split("|")[2]
        assert ip_address(told) == shown
        _, _, invitation = talks.sip_invite(meeting)
        (line,) = [line for line in invitation.decode().splitlines() if line.startswith("c=")]
        assert ip_address(line.split()[-1]) == shown


@contextmanager
def broadcasting(meeting: Meeting) -> Iterator[str]:
    """The broadcast address of the link, set on the interface as networks that are in use have it."""
    own = meeting.address(BOX)
    everybody = own.rpartition(".")[0] + ".255"

    def anew(more: str) -> None:
        lines = f"address del {own}/24 dev {meeting.asked}", f"address add {own}/24 {more} dev {meeting.asked}"
        meeting.live.places.ip(BOX, *lines)

    anew(f"brd {everybody}")
    try:
        yield everybody
    finally:
        anew("")


def ask_all(meeting: Meeting, everybody: str, port: int) -> None:
    asking = meeting.open(BOX, socket.SOCK_DGRAM, DATA)
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    asking.sendto(b"who?", (everybody, port))
    asking.close()


@pytest.mark.parametrize("port", [137, 161])
@pytest.mark.parametrize("way", WAYS)
def test_a_question_by_broadcast_is_answered_by_the_link_alone(rig: Rig, way: str, port: int) -> None:
    load(rig, way, "broadcast")
    with rig.live() as live, Meeting(live, V4, BOX, "lan0") as meeting, broadcasting(meeting) as everybody:
        answers = ("lan0", BOX, (port, DATA))
        assert not meeting.udp(*answers), "before the question"
        ask_all(meeting, everybody, port)
        assert not meeting.udp("lan0", BOX, (port, DATA + 1)), "to another port"
        assert not meeting.udp("lan0", BOX, (port + 1, DATA)), "from another port"
        assert not meeting.udp("wan0", BOX, (port, DATA)), "from beyond the link"
        assert meeting.udp(*answers)
        with meeting.stranger() as other:
            assert meeting.udp(*answers, address=other), "everybody on the link may answer"


@pytest.mark.parametrize("way", WAYS)
def test_without_a_broadcast_address_on_the_interface_no_answer_is_expected(rig: Rig, way: str) -> None:
    load(rig, way, "broadcast")
    with rig.live() as live, Meeting(live, V4, BOX, "lan0") as meeting:
        ask_all(meeting, meeting.address("lan0").rpartition(".")[0] + ".255", 137)
        assert not meeting.udp("lan0", BOX, (137, DATA))
