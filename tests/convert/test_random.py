"""Random chains with jumps, gotos, returns and exceptions, converted and held against plain walks of packets."""

from __future__ import annotations

import os
import random

import pytest

from fwadvisor.dialects import DIALECTS
from fwadvisor.errors import InexpressibleError

from .conftest import assert_alike, firewall, read_again, to

SEED = int(os.environ.get("FWADVISOR_SEED", "0"))


def _rule(dice: random.Random, chains: list[str]) -> str:
    words = []
    if dice.random() < 0.4:
        words.append(dice.choice(["", "! "]) + "-s " + dice.choice(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7"]))
    if dice.random() < 0.2:
        words.append(dice.choice(["", "! "]) + "-d " + dice.choice(["192.0.2.10", "198.51.100.0/24"]))
    if dice.random() < 0.2:
        words.append(dice.choice(["", "! "]) + "-i " + dice.choice(["eth0", "eth1", "lo"]))
    protocol = dice.choice(["tcp", "udp", "", "tcp", "icmp", "! tcp"])
    if protocol:
        words.append(f"{'! ' if '!' in protocol else ''}-p {protocol.removeprefix('! ')}")
    if protocol in ("tcp", "udp") and dice.random() < 0.8:
        ports = dice.choice(["22", "80,443", "1000:2000", "53,22"])
        words.append(f"-m multiport {dice.choice(['', '', '! '])}--dports {ports}")
    if dice.random() < 0.15:
        words.append("-m conntrack --ctstate " + dice.choice(["NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID"]))
    target = dice.choice(["ACCEPT", "DROP", "ACCEPT", "DROP", "REJECT", "RETURN", "LOG --log-prefix x", *chains * 2])
    return " ".join([*words, "-g" if target in chains and dice.random() < 0.2 else "-j", target])


def _rules(dice: random.Random) -> str:
    chains = [f"C{number}" for number in range(dice.randrange(1, 4))]
    lines = ["*filter", *(f":{name} {dice.choice(['ACCEPT', 'DROP'])} [0:0]" for name in ("INPUT", "FORWARD"))]
    lines += [":OUTPUT ACCEPT [0:0]", *(f":{name} - [0:0]" for name in chains)]
    lines += [f"-A INPUT {_rule(dice, chains)}" for _ in range(dice.randrange(1, 10))]
    for number, name in enumerate(chains, 1):
        lines += [f"-A {name} {_rule(dice, chains[number:])}" for _ in range(dice.randrange(5))]
    lines += [f"-A FORWARD {_rule(dice, chains[-1:])}" for _ in range(dice.randrange(4))]
    return "\n".join([*lines, "COMMIT", ""])


@pytest.mark.parametrize("seed", range(SEED, SEED + 20))
def test_random_chains_decide_alike_in_every_dialect(seed: int) -> None:
    source = firewall("iptables", _rules(random.Random(seed)))
    refused = []
    for target in DIALECTS:
        try:
            made = to(source, target)
        except InexpressibleError:
            refused.append(target)
            continue
        assert_alike(source, read_again(made, target), 150)
    assert refused in ([], ["windows"]), "only Windows has neither reject nor forwarding"
