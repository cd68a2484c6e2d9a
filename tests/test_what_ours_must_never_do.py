"""Mistakes that rule generators make in practice, each of which ours must never make.

Each test states one: what goes in, and what must not come of it. Where a ruleset comes of it, its text is read back
and asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fwadvisor.dialects import DIALECTS
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError
from fwadvisor.generate import Generated, Request, generate
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AddressType, Firewall
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP, Hook, State, Verdict
from fwadvisor.model.walk import Packet

HEAD = "profile: own\ntitle: A test\nkind: {kind}\n"


def made(tmp_path: Path, body: str, kind: str = "host", **more: object) -> Generated:
    profile = tmp_path / "own.yaml"
    profile.write_text(HEAD.format(kind=kind) + body)
    return generate(Request(profiles=[str(profile)], **more))  # type: ignore[arg-type]


def refused(tmp_path: Path, body: str) -> str:
    with pytest.raises(FwadvisorError) as caught:
        made(tmp_path, body)
    return "\n".join(f"{each.message} {each.hint}" for each in caught.value.diagnostics)


def read(generated: Generated, target: str) -> Firewall:
    return read_firewall([Source(each.name, each.content) for each in generated.outputs[target]], target)


def packet(source: str, destination: str, protocol: int, port: int = 0, **more: object) -> Packet:
    from ipaddress import ip_address

    here, there = ip_address(source), ip_address(destination)
    values: dict[str, object] = {
        "hook": Hook.INPUT, "family": Family(here.version), "protocol": protocol, "source": int(here),
        "destination": int(there), "source_port": 40000, "destination_port": port, "in_interface": "eth0",
        "destination_type": AddressType.LOCAL,
    }  # fmt: skip
    return Packet(**{**values, **more})  # type: ignore[arg-type]


def verdicts(generated: Generated, asked: Packet) -> dict[str, Verdict | None]:
    return {target: evaluate(read(generated, target), asked).verdict for target in generated.outputs}


OPEN_22 = "need:\n  - flow: tcp 22\n    from: admin\n    to: self\nzones:\n  admin: {addresses: [192.0.2.0/24]}\n"


def test_a_misspelt_key_never_makes_a_wider_rule(tmp_path: Path) -> None:
    said = refused(tmp_path, OPEN_22.replace("from:", "form:"))
    assert "form" in said
    assert "from" in said


@pytest.mark.parametrize("port", ["0x16", "22.0", "70000", "2 2", "-1"])
def test_a_port_is_never_guessed_from_what_is_none(tmp_path: Path, port: str) -> None:
    assert refused(tmp_path, OPEN_22.replace("tcp 22", f"tcp {port}"))


def test_a_number_in_base_sixty_is_no_port(tmp_path: Path) -> None:
    """YAML 1.1 reads 20:22 as 1222."""
    assert refused(tmp_path, OPEN_22.replace("flow: tcp 22", "flow: 20:22"))


def test_an_address_of_the_other_family_opens_nothing_there(tmp_path: Path) -> None:
    generated = made(tmp_path, OPEN_22)
    for target, verdict in verdicts(generated, packet("2001:db8::1", "2001:db8::2", TCP, 22)).items():
        assert verdict is not Verdict.ACCEPT, target
    for target, verdict in verdicts(generated, packet("192.0.2.1", "192.0.2.2", TCP, 22)).items():
        assert verdict is Verdict.ACCEPT, target


def test_icmp_never_stands_in_a_rule_for_ipv6(tmp_path: Path) -> None:
    generated = made(tmp_path, OPEN_22.replace("tcp 22", "ping"))
    v6 = next(each for each in generated.outputs["iptables"] if each.name.endswith("v6")).content.decode()
    assert " -p icmp " not in v6
    for target, verdict in verdicts(generated, packet("192.0.2.1", "192.0.2.2", ICMP, icmp_type=8)).items():
        assert verdict is Verdict.ACCEPT, target
    # ICMPv4 inside IPv6 is nothing that a ping needs.
    for target, verdict in verdicts(generated, packet("2001:db8::1", "2001:db8::2", ICMP, icmp_type=8)).items():
        assert verdict is not Verdict.ACCEPT, target


def test_exclusions_that_leave_nobody_never_mean_everybody(tmp_path: Path) -> None:
    body = OPEN_22.replace("[192.0.2.0/24]", "[192.0.2.0/24], except: [192.0.2.0/24]")
    assert "except leaves no address" in refused(tmp_path, body)


def test_equal_names_in_two_chains_are_two_rules(tmp_path: Path) -> None:
    body = (
        "need:\n  - {flow: tcp 22, from: lan, to: self}\n  - {flow: tcp 22, from: lan, to: wan}\n"
        "zones:\n  lan: {interfaces: [eth1]}\n  wan: {interfaces: [eth0]}\n"
    )
    generated = made(tmp_path, body, "gateway", targets=["iptables", "nftables", "pf"])
    own = packet("192.0.2.1", "192.0.2.2", TCP, 22, in_interface="eth1")
    through = packet(
        "192.0.2.1", "198.51.100.2", TCP, 22, in_interface="eth1", out_interface="eth0", hook=Hook.FORWARD,
        destination_type=AddressType.UNICAST,
    )  # fmt: skip
    for asked in (own, through):
        assert set(verdicts(generated, asked).values()) == {Verdict.ACCEPT}


def test_windows_rules_with_equal_labels_have_names_of_their_own(tmp_path: Path) -> None:
    body = OPEN_22.replace("need:\n", "need:\n  - {flow: tcp 22, from: admin, to: self}\n")
    text = made(tmp_path, body).outputs["windows"][0].content.decode("utf-8-sig")
    names = [line.split("'")[1] for line in text.splitlines() if "Name = '" in line and "Direction" in line]
    assert len(names) == len(set(names)) > 4


def test_neighbour_discovery_never_hangs_on_a_new_connection(tmp_path: Path) -> None:
    """The kernel calls its messages untracked."""
    generated = made(tmp_path, OPEN_22, targets=["iptables", "nftables"])
    for kind in (133, 134, 135, 136):
        for state in (State.UNTRACKED, State.NEW):
            asked = packet(
                "fe80::1", "ff02::1", ICMPV6, icmp_type=kind, state=state, destination_type=AddressType.MULTICAST
            )
            assert set(verdicts(generated, asked).values()) == {Verdict.ACCEPT}, (kind, state)


def test_a_second_load_leaves_no_rule_of_the_first(tmp_path: Path) -> None:
    """Each text takes away what an earlier one left, so reading both one after the other means the second."""
    first = made(tmp_path, OPEN_22, targets=["nftables", "iptables"])
    second = made(tmp_path, OPEN_22.replace("tcp 22", "tcp 23"), targets=["nftables", "iptables"])
    asked = packet("192.0.2.1", "192.0.2.2", TCP, 22)
    for target in ("nftables", "iptables"):
        sources = [Source(each.name, each.content) for made_ in (first, second) for each in made_.outputs[target]]
        assert evaluate(read_firewall(sources, target), asked).verdict is Verdict.DROP, target


def test_pf_never_negates_inside_a_list(tmp_path: Path) -> None:
    body = OPEN_22.replace("[192.0.2.0/24]", "[192.0.2.0/24], except: [192.0.2.7, 192.0.2.9]")
    generated = made(tmp_path, body)
    for line in generated.outputs["pf"][0].content.decode().splitlines():
        assert "{ !" not in line
    for address, wanted in (("192.0.2.7", Verdict.DROP), ("192.0.2.8", Verdict.ACCEPT), ("198.51.100.1", Verdict.DROP)):
        assert set(verdicts(generated, packet(address, "192.0.2.2", TCP, 22)).values()) == {wanted}


def test_no_dialect_takes_all_udp_for_answers(tmp_path: Path) -> None:
    generated = made(tmp_path, OPEN_22)
    for port in (53, 123, 1719, 5060, 40000, 65535):
        for target, verdict in verdicts(generated, packet("198.51.100.9", "192.0.2.2", UDP, port)).items():
            assert verdict is Verdict.DROP, (target, port)


def test_a_closed_port_is_closed_for_every_tcp_flag(tmp_path: Path) -> None:
    body = "forbid:\n  - {flow: tcp 23, from: any, to: self}\ndefaults: {input: accept}\n"
    generated = made(tmp_path, body, targets=["iptables", "nftables"])
    for flags in range(64):
        asked = packet("198.51.100.9", "192.0.2.2", TCP, 23, tcp_flags=flags)
        assert set(verdicts(generated, asked).values()) == {Verdict.DROP}, flags


def test_the_order_of_windows_rules_means_nothing(tmp_path: Path) -> None:
    """A narrow need inside a wide prohibition: Windows blocks first, so the block must leave the need out."""
    body = "forbid:\n  - {flow: tcp 1-1000, from: any, to: self}\n" + OPEN_22
    generated = made(tmp_path, body)
    assert evaluate(read(generated, "windows"), packet("192.0.2.1", "192.0.2.2", TCP, 22)).verdict is Verdict.ACCEPT
    assert evaluate(read(generated, "windows"), packet("192.0.2.1", "192.0.2.2", TCP, 23)).verdict is Verdict.DROP
    text = generated.outputs["windows"][0].content.decode("utf-8-sig")
    rules = [line for line in text.splitlines() if line.lstrip().startswith("@{ Name")]
    turned = text.replace("\n".join(rules), "\n".join(reversed(rules)))
    swapped = read_firewall([Source("windows.ps1", turned.encode())], "windows")
    for port in (21, 22, 23, 1001):
        asked = packet("192.0.2.1", "192.0.2.2", TCP, port)
        assert evaluate(swapped, asked).verdict is evaluate(read(generated, "windows"), asked).verdict


HOSTILE = [
    'say "no" -j DROP',
    "it's 'quoted' \u2019; Remove-NetFirewallRule",
    "x" * 200,
    "ends in a backslash \\",
    "All",
    "any",
    "RPC",
    "-j ACCEPT",
    "} policy accept; {",
    "$(reboot) `reboot` %COMSPEC%",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_write_never_changes_a_rule(tmp_path: Path, text: str) -> None:
    """Comments with quotes or 200 characters, names like keywords: the proof reads each text back."""
    body = OPEN_22 + f"reason: {json.dumps(text)}\n"
    body = body.replace("    to: self\n", f"    to: self\n    reason: {json.dumps(text)}\n")
    plain, hostile = made(tmp_path, OPEN_22), made(tmp_path, body)
    for target in DIALECTS:
        firewall = read(hostile, target)
        assert not firewall.opaque
        assert len(list(firewall.rules())) == len(list(read(plain, target).rules()))


def test_a_typo_exits_with_two_and_prints_no_rule(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(HEAD.format(kind="host") + OPEN_22.replace("need:", "needs:"))
    words = [sys.executable, "-m", "fwadvisor", "generate", "own.yaml", "-t", "nftables"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "own.yaml:" in done.stderr
