"""Whatever the bytes: a firewall or a ReadError, in bounded time."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iptables_table import LOADABLE, OTHERS

from fwadvisor.dialects.reading.iptables import read, recognize
from fwadvisor.dialects.reading.source import MOST_BYTES, Source
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Firewall

CASES = Path(__file__).parents[2] / "cases"
DUMPS = Path(__file__).parents[1] / "dumps"
SCRIPT = b"""#!/bin/sh
IPT=/sbin/iptables
for p in 22 80; do $IPT -A INPUT -p tcp --dport "$p" -j ACCEPT; done
f() { ipset add s "$1" timeout 5; }
ipset create s hash:ip timeout 0
f 10.0.0.1 && iptables -C INPUT -j DROP 2>/dev/null || iptables -A INPUT -j DROP
if [ -f /x ]; then iptables -F; fi
iptables-restore -n <<EOF
*nat
-A POSTROUTING -j MASQUERADE
COMMIT
EOF
"""
SETS = b"""create s hash:ip,port family inet comment
add s 10.0.0.1,tcp:80 comment "x"
create n hash:net
add n 10.0.0.0/8
"""
#: No text of the size that is read may take longer, in seconds of the processor.
MOST_SECONDS = 10.0


def seeds() -> list[bytes]:
    found = [path.read_bytes() for path in sorted(CASES.glob("*/expected/iptables.v*"))]
    found += [path.read_bytes() for path in sorted(DUMPS.glob("*.save"))]
    rows = (LOADABLE + OTHERS).splitlines()
    rules = [f"-A INPUT {row.split('=>')[0].strip(' 6')} -j ACCEPT" for row in rows if row]
    return [*found, SCRIPT, SETS, "\n".join(["*filter", *rules, "COMMIT", ""]).encode()]


SEEDS = seeds()


def attempt(raw: bytes, name: str = "fuzz") -> Firewall | None:
    """Read, and hold the result to what every firewall promises."""
    source = Source(name, raw)
    assert 0 <= recognize(source) <= 100
    try:
        firewall = read([source], {})
    except ReadError:
        return None
    names = set(firewall.chains)
    assert {base.chain for base in firewall.bases} <= names
    for rule in firewall.rules():
        assert getattr(rule.action, "chain", None) in names | {None}
    return firewall


def mutated(raw: bytes, random: Random) -> bytes:
    data = bytearray(raw[:20_000])
    for _ in range(random.choice((1, 2, 5, 20))):
        place = random.randrange(len(data) or 1)
        match random.randrange(6):
            case 0:
                data[place : place + 1] = bytes([random.randrange(256)])
            case 1:
                del data[place : place + random.randrange(40)]
            case 2:
                other = random.choice(SEEDS)
                start = random.randrange(len(other))
                data[place:place] = other[start : start + random.randrange(80)]
            case 3:
                data[place:place] = random.choice((b'"', b"!", b"\\", b"\n", b"$(", b"`", b"{", b" -j ", b" ! ", b"\0"))
            case 4:
                data[place:place] = data[place : place + 60]
            case _:
                del data[place:]
    return bytes(data)


@pytest.mark.parametrize("seed", range(12))
def test_mutated_texts(seed: int) -> None:
    random = Random(f"mutation {seed}")
    for _ in range(50):
        attempt(mutated(random.choice(SEEDS), random), random.choice(("x", "rules.v4", "rules.v6", "f.sh")))


def test_truncated_texts() -> None:
    for raw in (SCRIPT, SETS, SEEDS[-1][:4000]):
        for end in range(0, len(raw), 7):
            attempt(raw[:end])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_bytes(raw: bytes) -> None:
    attempt(raw)
    attempt(b"*filter\n-A INPUT " + raw)
    attempt(b"#!/bin/sh\niptables -A INPUT " + raw)
    attempt(b"create s hash:ip\nadd s " + raw)


_WORDS = st.sampled_from(sorted({word for row in LOADABLE.split("\n") for word in row.split("=>")[0].split()} | {'"'}))


@settings(max_examples=150, deadline=None)
@given(st.lists(_WORDS, max_size=12))
def test_words(words: list[str]) -> None:
    attempt(f"*filter\n-A INPUT {' '.join(words)}\nCOMMIT\n".encode())


def times(text: str, size: int) -> str:
    return text * (size // len(text))


#: The worst that each part of the reader can be given.
WORST = {
    "rules": "*filter\n" + times("-A INPUT -s 10.0.0.1 -p tcp --dport 22 -j ACCEPT\n", MOST_BYTES - 10),
    "inserts and deletions": "*filter\n" + times("-I INPUT -p udp\n", 2**20) + times("-D INPUT -p tcp\n", 2**20),
    "one line": "*filter\n-A INPUT " + times("-m tcp ", MOST_BYTES - 100),
    "quotes": "*filter\n-A INPUT " + times('"" ', MOST_BYTES - 100),
    "backslashes": '*filter\n-A INPUT "' + times("\\\\", MOST_BYTES - 100),
    "line ends": times("\n", MOST_BYTES),
    "unknown targets": "*filter\n" + times("-A INPUT -j NOWHERE\n", 2**20),
    "chains": "*filter\n" + "".join(f":c{number} -\n" for number in range(200_000)),
    "sets": "create s hash:ip\n" + "".join(f"add s 10.{n >> 8 & 255}.{n & 255}.{n >> 16}\n" for n in range(300_000)),
    "script": "#!/bin/sh\n" + times("iptables -A INPUT -j DROP\n", 2**20 - 50),
    "open substitutions": "#!/bin/sh\niptables " + times("${", 2**20 - 50),
    "doubled variables": "#!/bin/sh\nA=xxxxxxxx\n" + times('A="$A$A"\n', 500) + "iptables $A\n",
    "nested statements": "#!/bin/sh\niptables -F\n" + times("if true; then ", 2**18),
    "calls": "#!/bin/sh\niptables -F\n" + "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; }}\n" for n in range(29)) + "f0\n",
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_takes_bounded_time(name: str) -> None:
    began = time.process_time()
    attempt(WORST[name].encode())
    assert time.process_time() - began < MOST_SECONDS


def test_ten_thousand_rules_are_quick() -> None:
    rules = [
        f"-A INPUT -s 10.{n >> 8}.{n & 255}.0/24 -p tcp -m tcp --dport {n} -m conntrack --ctstate NEW "
        f'-m comment --comment "rule {n}" -j ACCEPT'
        for n in range(10_000)
    ]
    raw = "\n".join(["*filter", ":INPUT DROP [0:0]", *rules, "COMMIT", ""]).encode()
    began = time.process_time()
    firewall = attempt(raw, "rules.v4")
    assert time.process_time() - began < 1.5
    assert firewall is not None
    assert len(firewall.chains["ip filter INPUT"].rules) == 10_000
