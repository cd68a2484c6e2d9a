"""What the kernel lists of loaded rules reads to exactly what the text that was loaded reads to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rig import BOX, Rig
from rig.random_text_iptables import random_iptables
from rig.random_text_tables import random_nftables
from rig.rare import rare_texts
from rig.reading import Files, load, read, reduced
from rig.sentence import told

from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.packets import Space, compare

TEXTS = 25


def listed_as_text(rig: Rig, way: str, files: Files) -> dict[str, str]:
    return {"rules.nft": rig.places.must(BOX, ["nft", "list", "ruleset"])}


def listed_as_json(rig: Rig, way: str, files: Files) -> dict[str, str]:
    return {"rules.json": rig.places.must(BOX, ["nft", "-j", "list", "ruleset"])}


def saved(rig: Rig, way: str, files: Files, *options: str) -> dict[str, str]:
    commands = {"iptables.v4": f"iptables-{way}-save", "iptables.v6": f"ip6tables-{way}-save"}
    found = {name: rig.places.must(BOX, [commands[name], *options]) for name in files if name in commands}
    return found | ({"ipset": rig.places.must(BOX, ["ipset", "save"])} if "ipset" in files else {})


def saved_with_counters(rig: Rig, way: str, files: Files) -> dict[str, str]:
    return saved(rig, way, files, "-c")


Listing = Callable[[Rig, str, Files], dict[str, str]]
WAYS: list[tuple[str, Listing]] = [
    ("nftables", listed_as_text),
    ("nftables", listed_as_json),
    ("nft", saved),
    ("nft", saved_with_counters),
    ("legacy", saved),
    ("legacy", saved_with_counters),
]


def differences(written: Firewall, listed: Firewall, silent: bool) -> list[str]:
    """Packets that the two decide otherwise, or where one knows and the other does not.

    With `silent` the listing does not say what the text says: it may know less, but nothing else.
    """
    if (written.hooks, written.families) != (listed.hooks, listed.families):
        return [f"they speak of {written.hooks ^ listed.hooks}, {written.families} and {listed.families}"]
    found = []
    space = Space([written, listed], effects=frozenset({Field.TRANSLATION, Field.ASSIGNED_HELPER}))
    for part in space.parts:
        for change in compare(space.meaning(written, *part), space.meaning(listed, *part)):
            if change.new.verdict is None and (change.old.verdict is None or silent):
                continue
            witness = change.packets.witness()
            found.append(f"{told(witness) if witness else part}: written {change.old}, listed {change.new}")
    return found


#: Listings that do not say all: versions of nft give a table's name in JSON where its flag belongs.
_SILENT = {(listed_as_json, "a-dormant-table-is-not-asked")}


def check(rig: Rig, way: str, listing: Listing, files: Files, about: str) -> None:
    def wrong(trial: Files) -> list[str]:
        load(rig, way, trial)
        return differences(read(way, trial), read(way, listing(rig, way, trial)), (listing, about) in _SILENT)

    if wrong(files):
        short = reduced(files, lambda trial: bool(wrong(trial)))
        said = wrong(short)
        texts = [f"--- {name}\n{text}" for each in (short, listing(rig, way, short)) for name, text in each.items()]
        pytest.fail("\n".join([about, *texts, *said]), pytrace=False)


@pytest.mark.parametrize(("way", "listing"), WAYS, ids=[f"{way}-{listing.__name__}" for way, listing in WAYS])
def test_a_listing_means_what_was_written(rig: Rig, way: str, listing: Listing, count: Callable[[str], None]) -> None:
    make = random_nftables if way == "nftables" else random_iptables
    for seed in range(501, 501 + TEXTS):
        check(rig, way, listing, dict(make(seed).files), f"seed {seed}")
    count(f"{TEXTS} rulesets")


RARE = [(about, way, listing, files) for about, way, files in rare_texts() for known, listing in WAYS if known == way]


@pytest.mark.parametrize(
    ("about", "way", "listing", "files"),
    RARE,
    ids=[f"{way}-{listing.__name__}-{about}" for about, way, listing, _ in RARE],
)
def test_a_listing_of_rare_constructs(rig: Rig, about: str, way: str, listing: Listing, files: Files) -> None:
    check(rig, way, listing, files, about)
