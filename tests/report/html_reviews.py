"""Reviews that the tests of the HTML report show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.firewall import Field
from fwadvisor.packets import Budget
from fwadvisor.packets.box import ReadableBox
from fwadvisor.ports import load
from fwadvisor.report.review_formats import View
from fwadvisor.review.changes import Review, ReviewedChange
from fwadvisor.review.diff import review

DATABASE = load()
NFT = """table inet x {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established accept
		%s
	}
	chain forward {
		type filter hook forward priority 0; policy drop;
		%s
	}
}
"""
#: A ticket as it comes: a host that was closed to the internet opens, discovery closes, telnet slips in.
OLD = NFT % (
    "ip saddr 10.20.0.0/16 tcp dport 1720 accept\n"
    "\t\tip saddr 10.20.0.0/16 udp dport 1718 accept\n"
    "\t\tip saddr 10.9.0.0/24 tcp dport 22 accept",
    "",
)
NEW = NFT % (
    'tcp dport 1720 accept comment "partners call in"\n'
    "\t\tip saddr 10.0.0.0/8 tcp dport { 22, 23 } accept\n"
    "\t\tudp dport 50000-50999 accept",
    "ip saddr 10.20.0.0/16 ip daddr 192.168.7.0/24 tcp dport { 80, 443 } accept",
)
#: What strangers can write into a rule file.
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7*7 }} &amp; ]]> "
    "\u202etxt.exe\u2066 \u05d0\u05d1"
)
HOSTILE_NAME = "\"><svg onload=alert(1)>'\u202e`$(id).v4"


def view(**more: object) -> View:
    return View(database=DATABASE, today=date(2026, 3, 4), **{"title": "CHG-1: a change", **more})  # type: ignore[arg-type]


@cache
def reviewed(old: str, new: str, dialect: str = "nftables", names: tuple[str, str] = ("old", "new")) -> Review:
    pair = (read_firewall([Source(name, text.encode())], dialect) for name, text in zip(names, (old, new), strict=True))
    return review(*pair, DATABASE, Budget(), name=f"{names[0]} -> {names[1]}")


def example() -> Review:
    return reviewed(OLD, NEW, names=("old.nft", "new.nft"))


def hostile() -> Review:
    old = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    rule = f'-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -m comment --comment "{HOSTILE}" -j ACCEPT'
    new = f"*filter\n:INPUT DROP [0:0]\n{rule}\nCOMMIT\n"
    return reviewed(old, new, "iptables", ("old.v4", HOSTILE_NAME))


def opaque() -> Review:
    new = OLD.replace("tcp dport 1720 accept", 'tcp dport 1720 xt match "geoip" accept')
    return reviewed(OLD, new, names=("old.nft", "new.nft"))


def huge(number: int = 2000) -> Review:
    """As many changes, each with a rule and packets of its own."""
    one = reviewed(
        NFT % ("", ""), NFT % ("ip saddr 10.0.0.0/24 tcp dport 1024 accept", ""), names=("old.nft", "new.nft")
    )
    return replace(one, changes=tuple(_another(one.changes[0], place) for place in range(number)))


def _another(change: ReviewedChange, place: int) -> ReviewedChange:
    network, port = (10 << 24) + (place << 8), 1024 + 7 * place
    raw = change.regions[0].raw
    integers = {**raw.integers, Field.SOURCE: ((network, network + 255),), Field.DESTINATION_PORT: ((port, port),)}
    before, after = change.deciders
    text = f"ip saddr 10.{place >> 8}.{place & 255}.0/24 tcp dport {port} accept"
    return replace(
        change,
        id=f"w-{place:08x}",
        regions=(ReadableBox(replace(raw, integers=integers)),),
        witness=replace(change.witness, source=network + 1, destination_port=port),
        deciders=(before, (replace(after[0], text=text),)),
    )


def same() -> Review:
    new = OLD.replace("tcp dport 22 accept", 'tcp dport 22 accept comment "administrators"')
    found = reviewed(OLD, new, names=("old.nft", "new.nft"))
    return replace(found, edits=replace(found.edits, lines=2))


def rendered(reviews: Sequence[Review], **more: object) -> str:
    from fwadvisor.report.review_html import render

    names = {"arguments": ("old.nft", "new.nft")}
    return render(reviews, view(**{**names, **more}))
