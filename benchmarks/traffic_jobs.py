"""One policy with N needs, written by us, as a plain list, and by Aerleon: every need is a statement of its own.

A packet from anywhere in the benchmark network goes through a router to `INSIDE`. The shape `ports` needs N UDP ports
that do not adjoin, the shape `peers` one port from N networks that do not adjoin, so that nothing folds into ranges.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from peers import installed

from fwadvisor.generate import Request, generate

SHAPES = ("ports", "peers")
#: Who writes. `ONE_TERM` is Aerleon with all needs in one term, which somebody has to put together by hand.
OURS, PLAIN, AERLEON, ONE_TERM = "fwadvisor", "plain", "aerleon", "one term"
INSIDE, _PORT = "198.18.1.0/24", 1719
#: More needs would not find room for their ports.
MOST = 10_000
_STEP = 6

#: One rule per need and nothing around it, for nft -f and for iptables-restore.
_PLAIN_NFT = """table inet plain {{
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
{rules}
  }}
}}
"""
_PLAIN_RESTORE = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
{rules}
COMMIT
"""
_HEAD = """filters:
  - header:
      comment: benchmark
      targets:
        nftables: inet forward
        speedway: FORWARD DROP inet
    terms:
      - name: known
        protocol: [udp, tcp]
        option: established
        action: accept""".splitlines()


@dataclass(frozen=True, slots=True)
class Job:
    """A shape and a number of needs."""

    shape: str
    needs: int

    def port(self, number: int) -> int:
        """The destination port of a need."""
        return 1025 + _STEP * number if self.shape == "ports" else _PORT

    def network(self, number: int) -> str:
        """Where a need's packets come from, "" for anywhere."""
        return f"10.{number >> 8}.{number & 255}.0/25" if self.shape == "peers" else ""

    def packet(self, number: int, *, wanted: bool = True) -> tuple[int, int]:
        """Source address and destination port of a packet of a need, or of one beside it that no need has."""
        if self.shape == "peers":
            return 10 << 24 | number << 8 | (1 if wanted else 129), _PORT
        return 10 << 24 | 1, self.port(number) - (0 if wanted else _STEP // 2)

    def __str__(self) -> str:
        return f"{self.needs} {self.shape}"


def ours(job: Job, folder: Path) -> dict[str, str]:
    """What `fwadvisor generate` writes: target -> text."""
    name = f"bench-{job.shape}-{job.needs}"
    zones = [f'  inside: {{addresses: ["{INSIDE}"]}}']
    needs = []
    for number in range(job.needs):
        source = "any"
        if job.shape == "peers":
            source = f"peer-{number}"
            zones.append(f'  {source}: {{addresses: ["{job.network(number)}"]}}')
        needs.append(f'  - {{flow: udp {job.port(number)}, from: {source}, to: inside, reason: "ticket {number}"}}')
    lines = [f"profile: {name}", "title: Benchmark", "kind: gateway", "zones:", *zones, "need:", *needs]
    lines.append("defaults: {input: accept, forward: drop}")
    path = folder / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = generate(Request(profiles=(str(path),), targets=("nftables", "iptables"), notes=False, prove=False))
    return {target: files[0].content.decode() for target, files in made.outputs.items()}


def plain(job: Job) -> dict[str, str]:
    """One rule per need."""
    nft, restore = [], []
    for number in range(job.needs):
        port, source = job.port(number), job.network(number)
        nft.append(f"    {f'ip saddr {source} ' if source else ''}ip daddr {INSIDE} udp dport {port} accept")
        restore.append(f"-A FORWARD {f'-s {source} ' if source else ''}-d {INSIDE} -p udp --dport {port} -j ACCEPT")
    return {
        "nftables": _PLAIN_NFT.format(rules="\n".join(nft)),
        "iptables": _PLAIN_RESTORE.format(rules="\n".join(restore)),
    }


def _term(name: str, peer: str, port: str) -> list[str]:
    source = [f"        source-address: {peer}"] if peer else []
    fields = ["        destination-address: INSIDE", f"        destination-port: {port}", "        protocol: udp"]
    return [f"      - name: {name}", f"        comment: ticket {name}", *source, *fields, "        action: accept"]


def _policy(job: Job, together: bool) -> tuple[list[str], list[str]]:
    """Definitions and policy for Aerleon."""
    networks = ["networks:", "  INSIDE:", "    values:", f"      - address: {INSIDE}"]
    services, terms = ["services:"], []
    ports = job.shape == "ports"
    for number in range(job.needs):
        peer, port = ("", f"PORT_{number}") if ports else (f"PEER_{number}", "PORT_0")
        if together:
            peer, port = ("", "PORTS") if ports else ("PEERS", "PORT_0")
        first = number == 0 or not together
        if peer:
            networks += [f"  {peer}:", "    values:"] if first else []
            networks.append(f"      - address: {job.network(number)}")
        if ports or number == 0:
            services += [f"  {port}:"] if first else []
            services += ["    - protocol: udp", f"      port: {job.port(number)}"]
        terms += _term(f"need-{number}", peer, port) if first else []
    return [*networks, *services], [*_HEAD, *terms, "      - name: rest", "        action: deny"]


def aerleon(job: Job, folder: Path, peers: Path, together: bool) -> dict[str, str]:
    """What Aerleon writes, a term for each need or all in one; its restore file is that of the target speedway."""
    base = folder / f"aerleon-{job.shape}-{job.needs}-{together}"
    definitions, policy = _policy(job, together)
    for name, lines in (("def/d.yaml", definitions), ("policies/pol/bench.yaml", policy)):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (base / "out").mkdir()
    arguments = ("--base_directory", "policies", "--definitions_directory", "def", "--output_directory", "out")
    subprocess.run((str(installed(peers, "aerleon")), *arguments), cwd=base, check=True, capture_output=True)
    return {
        "nftables": (base / "out" / "bench.nft").read_text(encoding="utf-8"),
        "iptables": (base / "out" / "bench.ipt").read_text(encoding="utf-8"),
    }


def written(job: Job, folder: Path, peers: Path | None) -> dict[str, dict[str, str]]:
    """Writer -> target -> text; without `peers` Aerleon is left out."""
    texts = {OURS: ours(job, folder), PLAIN: plain(job)}
    if peers is None:
        return texts
    return {**texts, AERLEON: aerleon(job, folder, peers, False), ONE_TERM: aerleon(job, folder, peers, True)}
