"""Scenes of calls: rules that `generate` writes, loaded into the box, and parties at its ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest
from rig import BOX, Rig

from fwadvisor.generate import Request, generate
from fwadvisor.model.address import Family

from .calls import WAIT, Call, Endpoint

PROFILES = Path(__file__).with_name("profiles")
RECORDED = PROFILES.with_name("recorded")
#: Who is called and may call: everybody at the far ends of the links.
PEERS = "198.18.0.0/16,2001:2::/48"
WAYS = ("nftables", "iptables-nft", "iptables-legacy")
#: Place -> where caller and callee are.
HOST = {"host caller": (BOX, "wan0"), "host callee": ("wan0", BOX)}
ROUTER = {"router, from inside": ("lan0", "wan0"), "router, from outside": ("wan0", "lan0")}
MASQUERADED = "masquerading router"
_ROLES = ("caller", "callee")

MASQUERADE = """
table inet hidden {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "wan0" masquerade
  }
}
"""
PLACES = [*HOST, *ROUTER, MASQUERADED]
every_family = pytest.mark.parametrize("family", list(Family), ids=lambda family: f"v{family.value}")
every_way = pytest.mark.parametrize("way", WAYS)


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
def between(
    rig: Rig, family: Family, ends: tuple[str, str], pinned: bool = False, later: float = WAIT, **ports: int
) -> Iterator[Call]:
    """A call to be made between two places; pinned endpoints keep to the ports from 3230.

    What comes after the connection of call signalling is waited for `later` seconds.
    """
    with rig.live() as live:
        first = 3230 if pinned else 41000
        parties = []
        for number, (role, place) in enumerate(zip(_ROLES, ends, strict=True)):
            address = str(ip_address(live.address(place, family, "wan0" if place == BOX else "")))
            h245, rtp = (first, first) if pinned else (first + 1000 * number, first + 500 + 1000 * number)
            own = {key.partition("_")[2]: value for key, value in ports.items() if key.startswith(role)}
            parties.append(Endpoint(role, place, address, **{"h245": h245, "rtp": rtp, **own}))
        with Call(live, family, *parties, later_patience=later) as made:
            yield made


def prepare(rig: Rig, way: str, place: str, **settings: str) -> tuple[str, str]:
    """Load the rules for a place; returns where caller and callee are."""
    if place in HOST:
        host(rig, way, **settings)
        return HOST[place]
    router(rig, way, **settings)
    if place == MASQUERADED:
        rig.load_nftables(MASQUERADE)
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


def all_passes(call: Call) -> None:
    assert call.talk() == []


def nothing_else_passes(call: Call) -> None:
    assert call.others() == []
