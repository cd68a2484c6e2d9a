"""Assigned connection-tracking helpers work: a negotiated connection passes, and only with the helper."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from rig import BOX, Live, Rig

from fwadvisor.dialects import dialect
from fwadvisor.dialects.base import Document
from fwadvisor.model.address import Family
from fwadvisor.model.rule import (
    ICMPV6,
    TCP,
    Chain,
    HelperAssignment,
    Hook,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
    State,
    Verdict,
)

#: FTP is negotiated by one line of text, so that no protocol stack is needed; the way of assigning is the same for all.
CONTROL, DATA = 21, 51210
ORIGIN = Origin(kind=OriginKind.NEED, text="transfers")
ENDS = {Hook.INPUT: ("wan0", BOX), Hook.OUTPUT: (BOX, "wan0"), Hook.FORWARD: ("wan0", "lan0")}


def tracked(hook: Hook) -> Ruleset:
    """Only the control port is open on one hook, and what it negotiates."""
    control = Match(protocols=(TCP,), destination_ports=((CONTROL, CONTROL),))
    known = Rule(Match(states=(State.ESTABLISHED,)), Verdict.ACCEPT, ORIGIN)
    neighbours = Rule(Match(protocols=(ICMPV6,)), Verdict.ACCEPT, ORIGIN)
    related = Match(states=(State.RELATED,), helpers=("ftp",), protocols=(TCP,), destination_ports=((1024, 65535),))
    own = (Rule(related, Verdict.ACCEPT, ORIGIN), Rule(control, Verdict.ACCEPT, ORIGIN))
    chains = tuple(Chain(each, (known, neighbours, *(own if each is hook else ())), Verdict.DROP) for each in Hook)
    helper = HelperAssignment(helper="ftp", hook=hook, match=control, origin=ORIGIN)
    return Ruleset(name="tracked", chains=chains, helpers=(helper,))


def load(rig: Rig, way: str, ruleset: Ruleset) -> None:
    name = "nftables" if way == "nftables" else "iptables"
    texts = [file.content.decode() for file in dialect(name).write(ruleset, Document(name="test"))]
    if way == "nftables":
        rig.load_nftables(texts[0])
    else:
        rig.load_iptables(texts[0], texts[1], way)


def transfer(rig: Rig, live: Live, client: str, server: str, family: Family) -> bool:
    """Whether the data connection can be made that the server announces on the control connection."""
    kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    link = "wan0" if BOX in (client, server) else ""
    address = live.address(server, family, link if server == BOX else "")
    if family is Family.IPV4:
        words = f"227 Entering Passive Mode ({address.replace('.', ',')},{DATA >> 8},{DATA & 255}).\r\n"
    else:
        words = f"229 Entering Extended Passive Mode (|||{DATA}|)\r\n"
    sockets = [rig.places.socket(place, kind, socket.SOCK_STREAM) for place in (server, server, client, client)]
    try:
        for each in sockets:
            each.settimeout(0.4)
        listening, data, control, transferring = sockets
        for each, port in ((listening, CONTROL), (data, DATA)):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind((address, port))
            each.listen()
        control.connect((address, CONTROL))
        accepted, _ = listening.accept()
        with accepted:
            # The helper reads from the second line on.
            accepted.sendall(b"220 ready\r\n")
            control.recv(64)
            control.sendall(b"EPSV\r\n" if family is Family.IPV6 else b"PASV\r\n")
            accepted.recv(64)
            accepted.sendall(words.encode())
            control.recv(200)
            try:
                transferring.connect((address, DATA))
            except OSError:
                return False
            return True
    finally:
        for each in sockets:
            each.close()


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("hook", list(Hook))
@pytest.mark.parametrize("way", ["nftables", "nft", "legacy"])
def test_what_an_assigned_helper_expects_passes(rig: Rig, way: str, hook: Hook, family: Family) -> None:
    ruleset = tracked(hook)
    load(rig, way, ruleset)
    with rig.live() as live:
        assert transfer(rig, live, *ENDS[hook], family)
    load(rig, way, replace(ruleset, helpers=()))
    with rig.live() as live:
        assert not transfer(rig, live, *ENDS[hook], family)
