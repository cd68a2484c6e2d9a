"""Whole rulesets: what we write is read back as it was meant, as text and as JSON, and broken text only refused."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "kernel"))

from rig.random_rules import random_ruleset
from rig.selection import probes_for

from fwadvisor.dialects import nftables as writer
from fwadvisor.dialects.base import Document
from fwadvisor.dialects.reading import nftables
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.walk import decide

Read = Callable[..., Firewall]
LINKS = ("eth0", "eth1")
GOLDEN = sorted((Path(__file__).parents[2] / "cases").glob("*/expected/nftables.nft"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parts[-3])
def test_golden_files_are_understood(path: Path, read_text: Read) -> None:
    firewall = read_text(path.read_bytes())
    assert not firewall.opaque
    assert len(firewall.bases) >= 3


@pytest.mark.parametrize("seed", range(100))
def test_what_is_written_is_read_back(seed: int, read_text: Read) -> None:
    ruleset = random_ruleset(seed, LINKS, most_rules=60 if seed % 10 == 0 else 14)
    (file,) = writer.DIALECT.write(ruleset, Document(name="x"))
    firewall = read_text(file.content)
    assert not firewall.opaque
    for packet in probes_for(ruleset, LINKS, 120):
        assert evaluate(firewall, packet).verdict is decide(ruleset, packet).verdict, packet


def test_ten_thousand_rules_are_read_in_time(read_text: Read) -> None:
    """The aim is 0.6 seconds of an idle machine; the bound leaves room for a busy one."""
    ruleset = random_ruleset(1, LINKS, most_rules=9000)
    assert sum(len(chain.rules) for chain in ruleset.chains) > 10_000
    (file,) = writer.DIALECT.write(ruleset, Document(name="x"))
    begin = time.process_time()
    read_text(file.content)
    assert time.process_time() - begin < 3


# --- JSON ------------------------------------------------------------------------------------------

_JSON: list[tuple[list[dict[str, object]], str]] = [
    (
        [
            {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
            {"accept": None},
        ],
        "ct state established,related accept",
    ),
    (
        [
            {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "syn"}},
            {"drop": None},
        ],
        "tcp flags == syn drop",
    ),
    (
        [
            {
                "match": {
                    "op": "==",
                    "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["fin", "syn"]]},
                    "right": "syn",
                }
            },
            {"reject": {"type": "tcp reset"}},
        ],
        "tcp flags & (fin|syn) == syn reject with tcp reset",
    ),
    (
        [
            {
                "match": {
                    "op": "!=",
                    "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                    "right": {"prefix": {"addr": "10.0.0.0", "len": 8}},
                }
            },
            {"log": {"prefix": "x"}},
            {"return": None},
        ],
        'ip saddr != 10.0.0.0/8 log prefix "x" return',
    ),
    (
        [
            {
                "vmap": {
                    "key": {
                        "concat": [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]
                    },
                    "data": {
                        "set": [
                            [{"concat": ["tcp", {"range": [22, 23]}]}, {"accept": None}],
                            [{"concat": ["udp", 53]}, {"jump": {"target": "other"}}],
                        ]
                    },
                }
            }
        ],
        "meta l4proto . th dport vmap { tcp . 22-23 : accept, udp . 53 : jump other }",
    ),
    (
        [
            {"match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "right": False}},
            {"drop": None},
        ],
        "fib saddr . iif oif missing drop",
    ),
    (
        [
            {
                "mangle": {
                    "key": {"meta": {"key": "mark"}},
                    "value": {"|": [{"&": [{"meta": {"key": "mark"}}, 255]}, 256]},
                }
            }
        ],
        "meta mark set meta mark & 0xff | 0x100",
    ),
    (
        [
            {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": {"set": ["eth*", "lo"]}}},
            {"accept": None},
        ],
        'iifname { "eth*", lo } accept',
    ),
    (
        [{"limit": {"rate": 5, "burst": 9, "per": "minute", "inv": True}}, {"drop": None}],
        "limit rate over 5/minute burst 9 packets drop",
    ),
    (
        [
            {"match": {"op": "==", "left": {"meta": {"key": "hour"}}, "right": {"range": ["09:00", "17:00"]}}},
            {"accept": None},
        ],
        'meta hour "09:00"-"17:00" accept',
    ),
    # Ends of ranges that have a name, which may have a dash.
    (
        [
            {
                "match": {
                    "op": "==",
                    "left": {"payload": {"protocol": "icmpv6", "field": "type"}},
                    "right": {"range": ["echo-request", 255]},
                }
            },
            {"accept": None},
        ],
        "icmpv6 type 128-255 accept",
    ),
    (
        [
            {
                "match": {
                    "op": "==",
                    "left": {"payload": {"protocol": "icmp", "field": "type"}},
                    "right": {"set": [{"range": ["echo-reply", "echo-request"]}, 13]},
                }
            },
            {"accept": None},
        ],
        "icmp type { 0-8, 13 } accept",
    ),
    (
        [
            {"match": {"op": "==", "left": {"meta": {"key": "day"}}, "right": {"range": ["Monday", "Wednesday"]}}},
            {"accept": None},
        ],
        "meta day 1-3 accept",
    ),
    (
        [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@known"}},
            {"accept": None},
        ],
        "ip daddr @known accept",
    ),
    ([{"dnat": {"family": "ip", "addr": "10.0.0.1", "port": 8080}}], "dnat ip to 10.0.0.1:8080"),
    (
        [
            {
                "set": {
                    "op": "add",
                    "elem": {"elem": {"val": {"payload": {"protocol": "ip", "field": "saddr"}}, "timeout": 5}},
                    "set": "@known",
                }
            },
            {"accept": None},
        ],
        "add @known { ip saddr timeout 5s } accept",
    ),
    ([{"queue": {"num": 1}}], "queue num 1"),
]


def _json_of(expressions: list[dict[str, object]]) -> bytes:
    where = {"family": "inet", "table": "t"}
    known = ["198.51.100.1", {"range": ["10.0.0.1", "10.0.0.9"]}]
    commands = [
        {"metainfo": {"version": "1.0.6"}},
        {"add": {"table": {"family": "inet", "name": "t"}}},
        {"set": {**where, "name": "known", "type": "ipv4_addr", "elem": known}},
        {"chain": {**where, "name": "other"}},
        {"chain": {**where, "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": {**where, "chain": "other", "expr": [{"accept": None}]}},
        {"rule": {**where, "chain": "c", "handle": 5, "expr": expressions}},
    ]  # fmt: skip
    return json.dumps({"nftables": commands}).encode()


@pytest.mark.parametrize(("expressions", "rule"), _JSON, ids=[case[1] for case in _JSON])
def test_json_means_what_the_text_means(read_text: Read, expressions: list[dict[str, object]], rule: str) -> None:
    from_text = read_text(f"""table inet t {{
        set known {{ type ipv4_addr; elements = {{ 198.51.100.1, 10.0.0.1-10.0.0.9 }} }}
        chain other {{ accept; }}
        chain c {{ type filter hook input priority 0; policy drop; {rule}; }} }}""")
    from_json = read_text(_json_of(expressions))

    def meaning(firewall: Firewall) -> dict[str, list[object]]:
        return {
            name: [(rule.tests, rule.writes, rule.action) for rule in chain.rules]
            for name, chain in firewall.chains.items()
        }

    assert meaning(from_json) == meaning(from_text)
    assert [(each.point, each.default, each.priority) for each in from_json.bases] == [
        (each.point, each.default, each.priority) for each in from_text.bases
    ]


def test_json_that_is_not_known_is_opaque_and_json_of_another_form_refused(
    read_text: Read, problems: Callable[..., list[str]]
) -> None:
    firewall = read_text(_json_of([{"xt": {"type": "target", "name": "TCPMSS"}}]))
    assert [each.reason for each in firewall.opaque] == ['"xt" is not known']
    assert firewall.opaque[0].span.column > 100
    assert problems(b'{"nftables": [{"rule": 5}]}')[0].startswith("1:15 ")
    assert problems(b'{"nftables": [{"table": {"family": "inet", "name": "a\\"b"}}]}')[0].startswith("1:15 ")
    assert problems(b'{"nftables": [{"table": ')[0].startswith("1:")
    assert problems(b'{"x": []}')[0].startswith("1:1 ")
    assert "nests too deep" in problems(b'{"nftables": [' + b"[" * 100_000)[0]


# --- broken text -----------------------------------------------------------------------------------


def _read_or_refuse(content: bytes) -> bool:
    """Whether it ended in time, and as it should: every other exception fails the test."""
    begin = time.process_time()
    with suppress(ReadError):
        nftables.read([Source("x", content)], {})
    nftables.recognize(Source("x", content))
    return time.process_time() - begin < 10


def test_mutated_files_are_read_or_refused() -> None:
    random = Random(7)
    texts = [path.read_bytes() for path in GOLDEN] + [_json_of(case[0]) for case in _JSON]
    words = [word for text in texts for word in text.split()]
    marks = [
        b"{",
        b"}",
        b'"',
        b";",
        b"\n",
        b"@",
        b"$",
        b"/",
        b"-",
        b".",
        b":",
        b",",
        b"(",
        b"\\",
        b"\xff",
        b"\0",
        b"*",
        b"[",
        b"]",
    ]
    for _ in range(400):
        parts = random.choice(texts).split(b" ")
        for _ in range(random.randint(1, 8)):
            at = random.randrange(len(parts))
            kind = random.random()
            if kind < 0.3:
                parts[at] = random.choice(words)
            elif kind < 0.6:
                parts[at] = parts[at][: len(parts[at]) // 2] + random.choice(marks) + parts[at][len(parts[at]) // 2 :]
            elif kind < 0.8:
                del parts[at : at + random.randint(1, 20)]
                parts = parts or [b""]
            else:
                parts.insert(at, random.choice(parts))
        assert _read_or_refuse(b" ".join(parts))


def test_truncated_files_are_read_or_refused() -> None:
    random = Random(8)
    for path in GOLDEN:
        content = path.read_bytes()
        for _ in range(5):
            assert _read_or_refuse(content[: random.randrange(len(content))])


_C = b"table inet t { chain c { "


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 20,
        b"{" * 100_000,
        _C + b"tcp dport " + b"{" * 100_000,
        _C + b"tcp dport " + b"{" * 90 + b"22" + b"}" * 90 + b"; } }",
        _C + b"tcp flags " + b"(" * 100_000 + b"; } }",
        _C + b"meta mark set " + b"(" * 50_000 + b"1" + b")" * 50_000 + b"; } }",
        b"define a0 = 1,1\n" + b"".join(b"define a%d = $a%d,$a%d\n" % (n + 1, n, n) for n in range(60)),
        b"table inet t {\n"
        + b"".join(b"chain c%d { jump c%d\n }\n" % (n, n + 1) for n in range(20_000))
        + b"chain c20000 { } }",
        b"table inet t {\n" + b"".join(b"chain c%d { jump c%d\n }\n" % (n, (n + 1) % 5000) for n in range(5000)) + b"}",
        _C + b'"' * 10_001,
        _C + b"\\\n" * 10_000,
        b"\\" * 100_000,
        _C + b"ip saddr 1.1.1.1 " * 50_000 + b"; } }",
        _C + b'log prefix "x" ip ttl 5 meta mark set 1 meta mark 1 ' * 5_000 + b"; } }",
        _C + b"meta mark & 0x55555555 == 0; ip saddr & 85.85.85.85 == 0.0.0.0; ip6 saddr & 5555:: == ::; } }",
        _C + b"ip saddr " + b"9" * 100_000 + b"; tcp dport " + b"1-" * 50_000 + b"; } }",
        b"add table t\n" + b"delete element t s { 1 }\n" * 5000,
        b"table inet t { set s { type inet_service; flags interval; elements = { 1-60000 } }\n }\n"
        + b"".join(b"delete element inet t s { %d }\n" % n for n in range(2, 6000, 2)),
        b'{"nftables": [' + b'{"add": ' * 50_000,
        b'{"nftables": [{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": '
        + b"[" * 900
        + b"]" * 900
        + b"}}]}",
    ],
    ids=range(20),
)
def test_hostile_files_are_read_or_refused_in_time(content: bytes) -> None:
    assert _read_or_refuse(content)
