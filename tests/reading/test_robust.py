"""No reader does anything with bytes but read them or refuse them with a diagnostic, in bounded time and memory."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects.reading import READERS, reader, recognize
from fwadvisor.dialects.reading.source import MOST_BYTES, Source, load_source
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Firewall

CASES = Path(__file__).parent.parent / "cases"
NAMES = {"iptables": "iptables.v4", "nftables": "nftables.nft", "windows": "windows.ps1", "pf": "pf.conf"}
#: A hang is what takes longer than this, of the processor: the machine may be busy with other things.
_LONGEST = 10.0
MUTANTS = 150


def goldens(dialect: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(CASES.glob(f"*/expected/{NAMES[dialect]}"))]


def read_or_refused(dialect: str, source: Source) -> tuple[Firewall | None, tuple[Diagnostic, ...]]:
    try:
        return reader(dialect).read([source], {}), ()
    except ReadError as refusal:
        return None, refusal.diagnostics


def tried(dialect: str, content: bytes) -> bool:
    """Whether the reader could read it; anything but a firewall or a diagnostic fails the test."""
    source = Source("fuzz", content)
    started = time.process_time()
    assert 0 <= reader(dialect).recognize(source) <= 100
    firewall, refusal = read_or_refused(dialect, source)
    if firewall is None:
        assert refusal
        assert all(each.message for each in refusal)
    else:
        assert all(base.chain in firewall.chains for base in firewall.bases)
    assert time.process_time() - started < _LONGEST, f"{dialect} took too long"
    return firewall is not None


def mutants(dialect: str, seed: int, count: int) -> Iterator[bytes]:
    """Goldens with bytes flipped, lines dropped, doubled and swapped, words exchanged, and cut anywhere."""
    chooser = random.Random(f"{dialect} {seed}")
    texts = goldens(dialect)
    words = sorted({word for text in texts for word in text.split()})
    for _ in range(count):
        text = bytearray(chooser.choice(texts))
        for _ in range(chooser.randint(1, 4)):
            at = chooser.randrange(len(text))
            kind = chooser.randrange(6)
            if kind == 0:
                text[at] = chooser.randrange(256)
            elif kind == 1:
                del text[at : at + chooser.randint(1, 200)]
            elif kind == 2:
                text[at:at] = chooser.choice(words)
            elif kind == 3:
                text[at:at] = bytes(chooser.randrange(256) for _ in range(chooser.randint(1, 8)))
            elif kind == 4:
                lines = bytes(text).splitlines(keepends=True)
                chooser.shuffle(lines)
                text = bytearray(b"".join(lines))
            else:
                del text[at:]
            if not text:
                text = bytearray(b"\n")
        yield bytes(text)


@pytest.mark.parametrize("dialect", READERS)
def test_mutated_texts_are_read_or_refused(dialect: str) -> None:
    assert sum(tried(dialect, content) for content in mutants(dialect, 1, MUTANTS)) > 0


@pytest.mark.parametrize("dialect", READERS)
def test_every_golden_is_of_its_dialect_and_no_other(dialect: str) -> None:
    texts = goldens(dialect)
    assert len(texts) > 20
    for text in texts:
        assert recognize(Source("golden", text)) == dialect


@pytest.mark.parametrize("dialect", READERS)
def test_a_text_cut_anywhere_is_read_or_refused(dialect: str) -> None:
    text = max(goldens(dialect), key=len)
    chooser = random.Random(dialect)
    for at in (0, 1, 2, *(chooser.randrange(len(text)) for _ in range(60))):
        tried(dialect, text[:at])


@pytest.mark.parametrize("dialect", READERS)
def test_the_text_of_another_dialect_is_read_or_refused(dialect: str) -> None:
    for other in READERS:
        tried(dialect, goldens(other)[0])


BINARY = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xfe\xff\0",
    b"\xef\xbb\xbf",
    bytes(range(256)) * 8,
    b"PReg\x01\x00\x00\x00[",
    b"\x7fELF" + bytes(2000),
    b"\r" * 1000,
    b"\n" * 100_000,
    "\u2028\u202e table".encode() * 50,
]


@pytest.mark.parametrize("dialect", READERS)
@pytest.mark.parametrize("content", BINARY, ids=range(len(BINARY)))
def test_bytes_of_every_kind(dialect: str, content: bytes) -> None:
    tried(dialect, content)


DEEP = {
    "iptables": [
        b"*filter\n" + b"".join(b":C%d - [0:0]\n" % n for n in range(3000)) + b":INPUT DROP [0:0]\n"
        b"-A INPUT -j C0\n" + b"".join(b"-A C%d -j C%d\n" % (n, n + 1) for n in range(2999)) + b"COMMIT\n",
        b"*filter\n:INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT\n",
        b"*filter\n:INPUT DROP [0:0]\n-A INPUT " + b"! " * 50_000 + b"-j DROP\nCOMMIT\n",
        b"#!/bin/sh\nA=$B\nB=$A\niptables -A INPUT -s $A -j DROP\n",
        b"#!/bin/sh\n" + b"for a in 1 2 3 4 5 6 7 8 9; do\n" * 60 + b"iptables -A INPUT -j DROP\n" + b"done\n" * 60,
    ],
    "nftables": [
        b"table inet t { chain c { " + b"{ " * 5000 + b"} } }",
        b"table inet t { chain c { ip saddr " + b"{ " * 3000 + b"1.2.3.4" + b" }" * 3000 + b" drop } }",
        b"define a = $b\ndefine b = $a\ntable inet t { chain c { ip saddr $a drop } }",
        b'include "fuzz"\n' * 10,
        b"table inet t { chain i { type filter hook input priority 0; jump a }\n chain a { jump b }\n"
        b" chain b { jump a }\n}",
        b"define a = { 1, 2, 3, 4, 5, 6, 7, 8, 9 }\n"
        b"table inet t { chain i { type filter hook input priority 0;"
        b" tcp dport . tcp sport . udp dport { " + b"1-65535 . 1-65535 . 1-65535, " * 200 + b" 1 . 1 . 1 } drop } }",
        b'{"nftables": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"table inet t { chain c { ip saddr " + b"(" * 4000 + b"1" + b")" * 4000 + b" drop } }",
    ],
    "windows": [
        b"New-NetFirewallRule -Name a -LocalPort " + b"@(" * 5000 + b"1" + b")" * 5000 + b"\n",
        b"$a = $b\n$b = $a\nNew-NetFirewallRule -Name $a -Direction Inbound -Action Block\n",
        b"foreach ($a in 1,2,3,4,5,6,7,8,9) {\n" * 40 + b"New-NetFirewallRule -Name $a -Action Block\n" + b"}\n" * 40,
        b"New-NetFirewallRule -Name '" + b"''" * 50_000 + b"'\n",
        b"<#" * 10_000,
        b"[" * 20_000 + b"]" * 20_000,
    ],
    "pf": [
        b'a = "$b"\nb = "$a"\npass from $a\n',
        b'a = "1.2.3.4 "\n' + b"".join(b'a = $a $a\n' for _ in range(40)) + b"pass from { $a } to any\n",
        b"pass proto { tcp udp } from { " + b"1.2.3.4, " * 400 + b"1.2.3.5 } to { " + b"1.2.3.4, " * 400 + b"1.2.3.5 }"
        b" port { " + b"1, " * 400 + b"2 }\n",
        b"anchor a {\n" * 3000 + b"}\n" * 3000,
        b"pass from { " + b"{ " * 3000 + b"} " * 3000 + b"}\n",
        b'include "fuzz"\n',
        b"pass \\\n" * 50_000,
        b'load anchor "a" from "fuzz"\nanchor a\n',
    ],
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "content"), [(d, c) for d, each in DEEP.items() for c in each])
def test_deep_cyclic_and_growing_texts(dialect: str, content: bytes) -> None:
    tried(dialect, content)


def _large(dialect: str) -> bytes:
    """As much of one repeated golden line as a file may hold."""
    line = {
        "iptables": b"-A INPUT -s 192.0.2.1/32 -p tcp -m tcp --dport 22 -j ACCEPT\n",
        "nftables": b"\t\tip saddr 192.0.2.1 tcp dport 22 accept\n",
        "windows": b"New-NetFirewallRule -Name 'a' -Direction Inbound -Action Allow -Protocol TCP -LocalPort 22\n",
        "pf": b"pass in quick proto tcp from 192.0.2.1 to any port 22\n",
    }[dialect]
    head = {
        "iptables": b"*filter\n:INPUT DROP [0:0]\n",
        "nftables": b"table inet t {\n\tchain i {\n\t\ttype filter hook input priority 0; policy drop;\n",
    }.get(dialect, b"")
    tail = {"iptables": b"COMMIT\n", "nftables": b"\t}\n}\n"}.get(dialect, b"")
    return head + line * ((MOST_BYTES - len(head) - len(tail)) // len(line)) + tail


@pytest.mark.parametrize("dialect", READERS)
def test_the_largest_file_is_read_or_refused_in_bounded_time_and_memory(dialect: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tried(dialect, _large(dialect))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 2048, f"{grown:.0f} MiB"


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)
    with pytest.raises(ReadError, match="too large for a rule file"):
        load_source(path)
    with pytest.raises(ReadError, match="neither a file nor a pipe"):
        load_source(Path("/dev/zero"))
