"""The seeded jobs: one and the same firewall policy, written for every tool that takes part.

    python benchmarks/jobs.py DIRECTORY [N ...]        (N defaults to 100 1000 10000)

For each N it writes under DIRECTORY/N/ a neutral ``job.json``, our ``bench-N.yaml``, and for the other tools a tree for
each target, so that each target is timed alone, and one for all targets together. A rule has 1-20 random source CIDRs,
one destination group (1-3 hosts or a small network) and one service out of 40; 85 % accept and 15 % deny, the first
match decides, and the last rule denies everything. The seed depends on N only: a rerun gives the same bytes.
"""

from __future__ import annotations

import ipaddress
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Job = dict[str, Any]

SIZES = (100, 1000, 10000)

#: Aerleon's and Capirca's names of the targets, with the options of their policy header. Their iptables target writes
#: shell commands; speedway writes restore files, as we do.
PEER_TARGETS = {
    "speedway": "INPUT DROP inet",
    "nftables": "inet input",
    "windows_advfirewall": "in inet",
    "packetfilter": "bench inet in",
}
ALL = "all"

SERVICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "SSH": ("tcp", ("22",)),
    "SMTP": ("tcp", ("25",)),
    "DNS_T": ("tcp", ("53",)),
    "DNS_U": ("udp", ("53",)),
    "HTTP": ("tcp", ("80",)),
    "KRB": ("tcp", ("88",)),
    "NTP": ("udp", ("123",)),
    "RPC": ("tcp", ("135",)),
    "SNMP": ("udp", ("161-162",)),
    "LDAP": ("tcp", ("389",)),
    "HTTPS": ("tcp", ("443",)),
    "SMB": ("tcp", ("445",)),
    "SYSLOG": ("udp", ("514",)),
    "SUBMIT": ("tcp", ("465", "587")),
    "RTSP": ("tcp", ("554",)),
    "LDAPS": ("tcp", ("636",)),
    "IMAPS": ("tcp", ("993",)),
    "MSSQL": ("tcp", ("1433-1434",)),
    "ORACLE": ("tcp", ("1521",)),
    "H323_SIG": ("tcp", ("1720",)),
    "H323_RAS": ("udp", ("1718-1719",)),
    "H323_MT": ("tcp", ("3230-3235",)),
    "H323_MU": ("udp", ("3230-3253",)),
    "RADIUS": ("udp", ("1812-1813",)),
    "NFS": ("tcp", ("2049",)),
    "MYSQL": ("tcp", ("3306",)),
    "RDP": ("tcp", ("3389",)),
    "SIP_U": ("udp", ("5060",)),
    "SIPS": ("tcp", ("5061",)),
    "PGSQL": ("tcp", ("5432",)),
    "RTP": ("udp", ("16384-32767",)),
    "WINRM": ("tcp", ("5985-5986",)),
    "REDIS": ("tcp", ("6379",)),
    "K8S": ("tcp", ("6443",)),
    "ALTHTTP": ("tcp", ("8000", "8080", "8443")),
    "KAFKA": ("tcp", ("9092-9094",)),
    "ES": ("tcp", ("9200", "9300")),
    "MONGO": ("tcp", ("27017-27019",)),
    "NETMEET": ("tcp", ("389", "522", "1002", "1503", "1731")),
    "VXLAN": ("udp", ("4789",)),
}

_SPACE = [
    ipaddress.IPv4Network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
]
_SOURCE_PREFIXES = (16, 20, 22, 24, 24, 24, 26, 28, 30, 32, 32)
_NETWORK_PREFIXES = (24, 25, 26, 27, 28)


def _cidr(dice: random.Random, prefixes: Sequence[int]) -> str:
    space = dice.choice(_SPACE)
    prefix = max(space.prefixlen, dice.choice(prefixes))
    address = int(space.network_address) | dice.getrandbits(32 - space.prefixlen)
    return str(ipaddress.IPv4Network((address, prefix), strict=False))


def _destination(dice: random.Random) -> list[str]:
    if dice.random() < 0.3:
        return [_cidr(dice, _NETWORK_PREFIXES)]
    return sorted({_cidr(dice, [32]) for _ in range(dice.randint(1, 3))})


def make(size: int) -> Job:
    """The job of `size` rules, the default deny included."""
    dice = random.Random(20240 + size)
    networks = {f"DST_{number:05d}": _destination(dice) for number in range(max(10, size // 10))}
    destinations = list(networks)
    rules: list[dict[str, Any]] = []
    for number in range(size - 1):
        source = f"SRC_{number:05d}"
        networks[source] = sorted({_cidr(dice, _SOURCE_PREFIXES) for _ in range(dice.randint(1, 20))})
        service = dice.choice(list(SERVICES))
        rules.append(
            {
                "name": f"r{number:05d}-{service.lower().replace('_', '-')}",
                "src": source,
                "dst": dice.choice(destinations),
                "service": service,
                "proto": SERVICES[service][0],
                "action": "deny" if dice.random() < 0.15 else "accept",
                "comment": f"ticket CHG{dice.randint(10000, 99999)}",
            }
        )
    rules.append(
        {
            "name": "default-deny",
            "src": None,
            "dst": None,
            "service": None,
            "proto": None,
            "action": "deny",
            "comment": "everything else",
        }
    )
    services = {name: {"proto": protocol, "ports": list(ports)} for name, (protocol, ports) in SERVICES.items()}
    return {"networks": networks, "services": services, "rules": rules}


def aerleon(job: Job, target: str) -> dict[str, str]:
    """The job as Aerleon's definitions and policy: file name -> text."""
    definitions = ["networks:"]
    for name, addresses in job["networks"].items():
        definitions += [f"  {name}:", "    values:", *(f"      - address: {address}" for address in addresses)]
    definitions.append("services:")
    for name, service in job["services"].items():
        definitions.append(f"  {name}:")
        for ports in service["ports"]:
            definitions += [f"    - protocol: {service['proto']}", f"      port: {ports}"]
    policy = ["filters:", "  - header:", "      comment: benchmark", "      targets:"]
    policy += [f"        {name}: {options}" for name, options in _headers(target)]
    policy.append("    terms:")
    for rule in job["rules"]:
        policy += [f"      - name: {rule['name']}", f"        comment: {rule['comment']}"]
        policy += [f"        {key}: {value}" for key, value in _peer_fields(rule)]
    return {"def/d.yaml": "\n".join(definitions) + "\n", "policies/pol/bench.yaml": "\n".join(policy) + "\n"}


def capirca(job: Job, target: str) -> dict[str, str]:
    """The job as Capirca's definitions and policy: file name -> text."""
    networks = [
        f"{name} = {addresses[0]}\n" + "".join(f"  {address}\n" for address in addresses[1:])
        for name, addresses in job["networks"].items()
    ]
    services = [
        f"{name} = " + " ".join(f"{ports}/{service['proto']}" for ports in service["ports"]) + "\n"
        for name, service in job["services"].items()
    ]
    targets = "".join(f"  target:: {name} {options}\n" for name, options in _headers(target))
    policy = [f'header {{\n  comment:: "benchmark"\n{targets}}}\n']
    for rule in job["rules"]:
        lines = [f'  comment:: "{rule["comment"]}"', *(f"  {key}:: {value}" for key, value in _peer_fields(rule))]
        policy.append(f"term {rule['name']} {{\n" + "\n".join(lines) + "\n}\n")
    return {"def/N.net": "".join(networks), "def/S.svc": "".join(services), "policies/pol/bench.pol": "".join(policy)}


def _headers(target: str) -> list[tuple[str, str]]:
    return [(name, options) for name, options in PEER_TARGETS.items() if target in (name, ALL)]


def _peer_fields(rule: dict[str, Any]) -> list[tuple[str, str]]:
    fields = []
    if rule["src"]:
        fields = [
            ("source-address", rule["src"]),
            ("destination-address", rule["dst"]),
            ("destination-port", rule["service"]),
            ("protocol", rule["proto"]),
        ]
    return [*fields, ("action", rule["action"])]


def write_all(folder: Path, size: int) -> str:
    """Write the job of `size` rules in every form under `folder`; returns a line that sums it up."""
    from convert import convert

    job = make(size)
    converted = convert(job, f"bench-{size}")
    files = {"job.json": json.dumps(job, indent=1) + "\n", f"bench-{size}.yaml": converted.profile}
    for target in (*PEER_TARGETS, ALL):
        for tool, written in (("aerleon", aerleon(job, target)), ("capirca", capirca(job, target))):
            files |= {f"{tool}/{target}/{name}": text for name, text in written.items()}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sources = sum(len(found) for name, found in job["networks"].items() if name.startswith("SRC_"))
    return f"{size} rules, {sources} source CIDRs; {converted.summary}"


def main() -> None:
    """Write the jobs."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for size in [int(text) for text in sys.argv[2:]] or SIZES:
        print(write_all(Path(sys.argv[1]) / str(size), size))


if __name__ == "__main__":
    main()
