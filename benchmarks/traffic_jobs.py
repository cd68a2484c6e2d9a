"""One policy with N needs, written by us, as a plain list, and by Aerleon: every need is a statement of its own.

A packet from anywhere in the benchmark network goes through a router to `INSIDE`. The shape `ports` needs N UDP ports
that do not adjoin, the shape `peers` one port from N networks that do not adjoin, so that nothing folds into ranges.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from peers import installed

from fwadvisor.generate import Request, generate

SHAPES = ("ports", "peers")
OURS, PLAIN, AERLEON = "fwadvisor", "plain", "aerleon"
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


def aerleon(job: Job, folder: Path, peers: Path) -> dict[str, str]:
    """What Aerleon writes, its restore file from the target that is called speedway."""
    base = folder / f"aerleon-{job.shape}-{job.needs}"
    networks = ["networks:", "  INSIDE:", "    values:", f"      - address: {INSIDE}"]
    services = ["services:"]
    terms = ["      - name: known", "        protocol: [udp, tcp]", "        option: established"]
    terms.append("        action: accept")
    for number in range(job.needs):
        if job.shape == "peers":
            networks += [f"  PEER_{number}:", "    values:", f"      - address: {job.network(number)}"]
        if job.shape == "ports" or number == 0:
            services += [f"  PORT_{number}:", "    - protocol: udp", f"      port: {job.port(number)}"]
        terms += [f"      - name: need-{number}", f"        comment: ticket {number}", "        protocol: udp"]
        terms += [f"        source-address: PEER_{number}"] if job.shape == "peers" else []
        terms += ["        destination-address: INSIDE", "        action: accept"]
        terms.append(f"        destination-port: PORT_{number if job.shape == 'ports' else 0}")
    head = ["filters:", "  - header:", "      comment: benchmark", "      targets:", "        nftables: inet forward"]
    head += ["        speedway: FORWARD DROP inet", "    terms:"]
    policy = [*head, *terms, "      - name: rest", "        action: deny"]
    for name, lines in (("def/d.yaml", [*networks, *services]), ("policies/pol/bench.yaml", policy)):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (base / "out").mkdir()
    arguments = ("--base_directory", "policies", "--definitions_directory", "def", "--output_directory", "out")
    subprocess.run(
        (str(installed(peers, AERLEON)), *arguments), cwd=base, check=True, capture_output=True, env=dict(os.environ)
    )
    return {
        "nftables": (base / "out" / "bench.nft").read_text(encoding="utf-8"),
        "iptables": (base / "out" / "bench.ipt").read_text(encoding="utf-8"),
    }


def written(job: Job, folder: Path, peers: Path | None) -> dict[str, dict[str, str]]:
    """Writer -> target -> text; without `peers` Aerleon is left out."""
    texts = {OURS: ours(job, folder), PLAIN: plain(job)}
    return texts if peers is None else {**texts, AERLEON: aerleon(job, folder, peers)}
