"""Small texts with constructs that random ones seldom or never have: the files under ``texts``, by what they are about.

A file is loaded as it stands by nft; a folder holds files for iptables-restore, ip6tables-restore and ipset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

_TEXTS = Path(__file__).parent.parent / "texts"


def rare_texts() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """What a text is about, a way to load it (`rig.reading.load`), and its files."""
    for path in sorted(_TEXTS.iterdir()):
        if path.suffix == ".nft":
            yield path.stem, "nftables", {path.name: path.read_text()}
        else:
            for way in ("nft", "legacy"):
                yield path.stem, way, {each.name: each.read_text() for each in sorted(path.iterdir())}
