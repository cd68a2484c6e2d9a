"""Whatever stands in a profile, the loader answers with a policy or a ProfileError."""

from __future__ import annotations

import random
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fwadvisor.diagnostic import render
from fwadvisor.errors import ProfileError
from fwadvisor.model.policy import Policy
from fwadvisor.profile import load_policy

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database

DATA = Path(__file__).with_name("data")
GOOD = (DATA / "room.yaml").read_text(encoding="utf-8"), (DATA / "guard.yaml").read_text(encoding="utf-8")
PIECES = (
    "$", "$$", "$peers", "$gatekeeper", "$calls", "$x", "any", "self", "internet", "[]", "{}", "[[", "{a: {b: c}}",
    "0", "''", "-1", "99999999999999999999", "0022", "1.5", "true", "NO", "null", "~", "tcp", "tcp any",
    "tcp 1-2,$tcp_range",
    "ping", "icmp 300/1", "protocol 6", "10.0.0.0/8", "::/0", "::1-::", "1.2.3.4/33", "2026-11-21", "9999-99-99",
    "given", "absent", "guard", "room", "./room.yaml", "need:", "- ", ": ", ", ", "\n", "\n  ", "\t", "&a", "*a", "!t",
    "|", "'", '"', "#", "\u202e", "\x00", "\u2028", "é", "x" * 10_000, "application: h323", "roles:", "when:",
    "risk: low",
)  # fmt: skip


def outcome(path: Path, values: dict[str, str], database: Database) -> Policy | ProfileError:
    try:
        return load_policy([str(path)], values, database, today=date(2026, 11, 21)).policy
    except ProfileError as problem:
        for diagnostic in problem.diagnostics:
            assert render(diagnostic)
        return problem


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    whole=st.sampled_from(GOOD),
    edits=st.lists(st.tuples(st.integers(0, 1300), st.integers(0, 12), st.sampled_from(PIECES)), max_size=4),
    values=st.dictionaries(
        st.sampled_from(["peers", "calls", "media", "admins", "room.ping", "guard.admins", "tcp_range", "", ".", "x"]),
        st.one_of(st.sampled_from(PIECES), st.text(max_size=12)),
        max_size=2,
    ),
)
def test_mutated_profiles(
    whole: str,
    edits: list[tuple[int, int, str]],
    values: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    database: Database,
) -> None:
    text = whole
    for place, cut, piece in edits:
        text = text[:place] + piece + text[place + cut :]
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "guard.yaml").write_text(GOOD[1], encoding="utf-8")
    path = folder / ("room.yaml" if whole is GOOD[0] else "guard.yaml")
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    outcome(path, {"peers" if whole is GOOD[0] else "admins": "203.0.113.0/24", **values}, database)


def test_mutated_bytes_by_the_thousand(tmp_path: Path, database: Database) -> None:
    """Random cuts, repeats and byte changes, for three seconds at most; a failure names its number."""
    stop = time.monotonic() + 3
    policies = 0
    for number in range(2000):
        if time.monotonic() > stop:
            break
        choose = random.Random(number)
        data = bytearray(choose.choice(GOOD).encode())
        for _ in range(choose.randint(1, 3)):
            place = choose.randrange(len(data))
            change = choose.random()
            if change < 0.3:
                data[place] = choose.randrange(256)
            elif change < 0.6:
                del data[place : place + choose.randint(1, 30)]
            else:
                other = choose.randrange(len(data))
                data[place:place] = data[other : other + choose.randint(1, 40)]
        path = tmp_path / "room.yaml"
        path.write_bytes(data)
        try:
            policies += isinstance(outcome(path, {"peers": "any"}, database), Policy)
        except Exception as problem:
            raise AssertionError(f"number {number}") from problem
    assert number > 100


def test_a_large_profile_loads_quickly(tmp_path: Path, database: Database) -> None:
    choose = random.Random(1)
    lines = ["profile: large", "title: Large", "kind: gateway", "zones:"]
    for i in range(2000):
        networks = ", ".join(f"10.{choose.randrange(256)}.{choose.randrange(256)}.0/24" for _ in range(10))
        lines.append(f"  z{i}: [{networks}]")
    lines.append("need:")
    lines += [f"  - {{flow: tcp 443, from: z{i}, to: z{1999 - i}, reason: CHG{i}}}" for i in range(2000)]
    path = tmp_path / "large.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    start = time.process_time()
    policy = outcome(path, {}, database)
    assert isinstance(policy, Policy)
    assert len(policy.statements) == 2000
    # A fifth of the size that must load in 1.2 s on a quiet machine; this only catches what grows faster than the file.
    assert time.process_time() - start < 2
