"""`generate` proves what it wrote: every text is held against the policy, and a wrong one stops everything."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fwadvisor.cli import app
from fwadvisor.compile import Compiler
from fwadvisor.dialects import policy_capabilities
from fwadvisor.dialects.base import OutputFile
from fwadvisor.errors import FwadvisorError
from fwadvisor.generate import Generated, Request, generate
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field
from fwadvisor.model.interval import size
from fwadvisor.model.rule import Hook, Ruleset
from fwadvisor.ports import load
from fwadvisor.proof.written import Proved, prove_written

PEERS = {"peers": "203.0.113.0/24, 2001:db8:323::/48"}


@pytest.fixture(scope="module")
def generated() -> Generated:
    return generate(Request(profiles=["h323-needed", "no-netmeeting"], settings=PEERS))


def policy_of(made: Generated) -> Ruleset:
    return Compiler(made.policy, load(())).compile(policy_capabilities()).ruleset


def proved(made: Generated, target: str, edit: Callable[[str], str] = lambda text: text) -> tuple[Proved, ...]:
    files = [
        OutputFile(each.name, edit(each.content.decode("utf-8-sig")).encode("utf-8")) for each in made.outputs[target]
    ]
    wanted = {target: made.compilations[target].ruleset}
    return prove_written(wanted, {target: files}, policy_of(made))


#: dialect -> (a pattern of its text, what a defect would make of it).
DEFECTS = {
    "iptables": [
        (r"--dport 1720 (.*)-j ACCEPT", r"--dport 1721 \1-j ACCEPT"),
        (r"203\.0\.113\.0/24", "203.0.112.0/23"),
        (r":INPUT DROP", ":INPUT ACCEPT"),
        (r"--ctstate ESTABLISHED", "--ctstate ESTABLISHED,RELATED"),
        (r'-j CT --helper "?Q\.931"?', "-j CT --helper RAS"),
    ],
    "nftables": [
        (r"203\.0\.113\.0/24", "203.0.112.0/23"),
        (r"policy drop", "policy accept"),
        (r"ct state established", "ct state { established, related }"),
        (r'type "Q\.931"', 'type "RAS"'),
    ],
    "windows": [
        (r"203\.0\.113\.0/24", "203.0.112.0/23"),
        (r"InboundDefault = 'Block'", "InboundDefault = 'Allow'"),
        (r"'1720'", "'1720-1721'"),
    ],
    "pf": [
        (r"port 1720", "port 1720:1721"),
        (r"203\.0\.113\.0/24", "203.0.112.0/23"),
        (r'block drop in quick all label "in default"', 'pass in quick all label "in default"'),
        (r"set skip on lo", "set skip on { lo, eth0 }"),
    ],
}


@pytest.mark.parametrize("target", DEFECTS)
def test_what_was_written_is_what_was_asked(generated: Generated, target: str) -> None:
    (one,) = proved(generated, target)
    assert one.dialect == target
    assert {hook for hook, _ in one.parts} >= {Hook.INPUT, Hook.OUTPUT}


@pytest.mark.parametrize(("target", "pattern", "wrong"), [(t, *d) for t, each in DEFECTS.items() for d in each])
def test_a_defect_stops_everything_with_a_witness(generated: Generated, target: str, pattern: str, wrong: str) -> None:
    edited: list[str] = []

    def edit(text: str) -> str:
        lines = text.splitlines(keepends=True)
        at = next((n for n, each in enumerate(lines) if each[0] != "#" and re.search(pattern, each)), None)
        if at is not None:
            lines[at] = re.sub(pattern, wrong, lines[at])
        edited.append("".join(lines))
        return edited[-1]

    with pytest.raises(FwadvisorError) as caught:
        proved(generated, target, edit)
    assert any(changed != original for changed, original in zip(edited, originals(generated, target), strict=True))
    first = caught.value.diagnostics[0]
    assert re.match(rf"the {target} text says .+ where the policy says .+: (input|output|forward), ", first.message)
    assert " -> " in first.message
    assert "report it" in first.hint


def originals(made: Generated, target: str) -> list[str]:
    return [each.content.decode("utf-8-sig") for each in made.outputs[target]]


@pytest.mark.parametrize("target", DEFECTS)
def test_each_line_of_rules_matters_or_is_said_twice(generated: Generated, target: str) -> None:
    """Take any one accepting rule away, and the proof fails unless another rule says the same."""
    marks = {"iptables": "-j ACCEPT", "nftables": " accept", "windows": "Action = 'Allow'", "pf": "pass "}
    noticed = tried = 0
    for number, line in enumerate(originals(generated, target)[0].splitlines()):
        if marks[target] not in line or line.lstrip().startswith("#"):
            continue
        tried += 1

        def without(text: str, number: int = number) -> str:
            lines = text.splitlines(keepends=True)
            return "".join(lines[:number] + lines[number + 1 :])

        try:
            proved(generated, target, without)
        except FwadvisorError:
            noticed += 1
        if tried == 12:
            break
    assert tried >= 4
    assert noticed >= tried * 0.75


def test_opaque_text_is_a_defect(generated: Generated) -> None:
    with pytest.raises(FwadvisorError):
        proved(
            generated, "nftables", lambda text: text.replace("policy drop;", "policy drop;\n\t\tosf name Linux accept")
        )


def test_dialects_that_keep_ranges_open_say_so_in_numbers(generated: Generated) -> None:
    found = {each.dialect: each for each in generated.proved}
    assert not found["iptables"].exposure
    assert not found["nftables"].exposure
    for name in ("pf", "windows"):
        v4 = next(each for each in found[name].exposure if (each.hook, each.family) == (Hook.INPUT, Family.IPV4))
        assert not v4.narrower
        assert v4.not_followed == ("H.245", "Q.931", "RAS")
        # 12 TCP and 48 UDP ports, from 256 peers with 65,536 ports each: only what somebody tests is counted.
        assert {size(box.integers[Field.DESTINATION_PORT]) for box in v4.wider} == {12, 48}


def test_the_summary_says_what_was_proved(tmp_path: Path) -> None:
    arguments = ["generate", "web-server", "--target", "all", "-o", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    flat = " ".join(done.stdout.split())
    assert "proved: iptables = nftables = windows = pf = policy (input, output; IPv4, IPv6)" in flat


def test_nothing_is_written_where_a_text_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fwadvisor.dialects import pf

    right = pf.PacketFilter.write

    def wrong(self: pf.PacketFilter, ruleset: Ruleset, document: object) -> tuple[OutputFile, ...]:
        (file,) = right(self, ruleset, document)  # type: ignore[arg-type]
        return (replace(file, content=file.content.replace(b"port 1720", b"port 1722", 1)),)

    monkeypatch.setattr(pf.PacketFilter, "write", wrong)
    done = CliRunner().invoke(
        app, ["generate", "h323-needed", "--set", "peers=203.0.113.0/24", "-o", str(tmp_path / "out")]
    )
    assert isinstance(done.exception, FwadvisorError)
    assert not (tmp_path / "out").exists()
