"""Rule files as people name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwadvisor.errors import FwadvisorError
from fwadvisor.proof.files import Forced, firewall_of, firewalls_of, forced

V4 = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n"
NFT = "table inet x {\n chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }\n}\n"
PF = "block all\npass in quick proto tcp from any to any port 22\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("rules.v4", V4), ("rules.v6", V4), ("x.nft", NFT), ("pf.conf", PF)):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_one_file_is_recognized_and_called_as_it_was_named(folder: Path) -> None:
    assert (firewall_of("x.nft", Forced()).dialect, firewall_of("x.nft", Forced()).name) == ("nftables", "x.nft")
    assert firewall_of("pf.conf", Forced()).dialect == "pf"


def test_joined_files_are_one_firewall(folder: Path) -> None:
    firewall = firewall_of("rules.v4+rules.v6", Forced())
    assert [family.value for family in firewall.families] == [4, 6]


def test_a_file_with_a_plus_in_its_name_is_one_file(folder: Path) -> None:
    (folder / "a+b.nft").write_text(NFT)
    assert firewall_of("a+b.nft", Forced()).name == "a+b.nft"


def test_a_directory_stands_for_the_rule_files_in_it(folder: Path) -> None:
    out = folder / "out"
    out.mkdir()
    (out / "nftables.nft").write_text(NFT)
    (out / "pf.conf").write_text(PF)
    assert {each.dialect for each in firewalls_of(["out"], Forced())} == {"nftables", "pf"}
    with pytest.raises(FwadvisorError, match="several dialects"):
        firewall_of("out", Forced())
    (out / "pf.conf").unlink()
    assert firewall_of("out", Forced()).name == "out"
    (out / "nftables.nft").unlink()
    with pytest.raises(FwadvisorError, match="holds none of the rule files"):
        firewall_of("out", Forced())


def test_all_unreadable_files_are_told_in_one_run(folder: Path) -> None:
    (folder / "bad").write_bytes(b"\xff\x00\x01")
    (folder / "prose").write_text("Dear all,\nplease open port 22.\n")
    with pytest.raises(FwadvisorError) as caught:
        firewalls_of(["none.nft", "bad", "prose", "x.nft"], Forced())
    assert caught.value.diagnostics[0].message.startswith("cannot read none.nft")
    assert len(caught.value.diagnostics) == 3


def test_a_dialect_can_be_forced_for_all_or_for_one(folder: Path) -> None:
    assert forced(["pf:openbsd"]).of("any") == "pf:openbsd"
    said = forced(["x=pf", "nftables"])
    assert (said.of("x"), said.of("y")) == ("pf", "nftables")
    with pytest.raises(FwadvisorError, match="two dialects"):
        forced(["x=pf", "x=nftables"])
    with pytest.raises(FwadvisorError, match="of every file"):
        forced(["pf", "nftables"])
    with pytest.raises(FwadvisorError, match='no dialect is called "nftable"'):
        firewall_of("x.nft", forced(["nftable"]))


def test_standard_input_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BytesIO(NFT.encode())}))
    assert firewall_of("-", Forced()).dialect == "nftables"
