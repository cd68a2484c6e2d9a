"""What Aerleon takes to find rules that one earlier rule covers (``aclgen --shade_check``).

    PYTHON benchmarks/shading.py JOB

PYTHON is an interpreter that has Aerleon; JOB is a file that `plain.py` writes. A policy is parsed twice, without and
with the check; the difference is the check. Prints JSON.
"""

from __future__ import annotations

import ipaddress
import json
import sys
import time
from pathlib import Path
from typing import Any

_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 58: "icmpv6"}


class Policy:
    """A job as Aerleon's definitions and policy."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.networks: dict[str, list[str]] = {}
        self.services: dict[str, list[tuple[str, str]]] = {}
        self.bits = dict(zip(job["fields"], job["bits"], strict=True))
        self.terms = [
            self._term(number, accept, dict(zip(job["fields"], fields, strict=True)))
            for number, (accept, fields) in enumerate(job["versions"][0])
        ]

    def text(self) -> dict[str, Any]:
        """The policy as the builder takes it."""
        options = "inet6 INPUT DROP" if self.bits["source"] == 128 else "INPUT DROP inet"
        return {"filename": "bench", "filters": [{"header": {"targets": {"iptables": options}}, "terms": self.terms}]}

    def definitions(self) -> dict[str, Any]:
        """The networks and services that the policy names."""
        return {
            "networks": {
                name: {"values": [{"address": each} for each in found]} for name, found in self.networks.items()
            },
            "services": {
                name: [{"protocol": protocol, "port": ports} for protocol, ports in found]
                for name, found in self.services.items()
            },
        }

    def _term(self, number: int, accept: bool, fields: dict[str, Any]) -> dict[str, Any]:
        term: dict[str, Any] = {"name": f"r{number}", "action": "accept" if accept else "deny"}
        protocols = [_PROTOCOLS[first] for first, _ in fields["protocol"] or ()]
        if protocols:
            term["protocol"] = protocols
        for name in ("source", "destination"):
            if fields.get(name):
                term[f"{name}-address"] = self._network(fields[name], self.bits[name])
            if fields.get(f"{name} ports"):
                term[f"{name}-port"] = self._service(fields[f"{name} ports"], protocols[0])
        if fields.get("interface"):
            term["source-interface"] = f"eth{fields['interface'][0][0] - 2}"
        if fields.get("icmp"):
            term["icmp-type"] = ["echo-request"]
        return term

    def _network(self, ranges: list[list[int]], bits: int) -> str:
        kind = ipaddress.IPv4Address if bits == 32 else ipaddress.IPv6Address
        name = f"N{abs(hash(str(ranges)))}"
        self.networks[name] = [
            str(network)
            for first, last in ranges
            for network in ipaddress.summarize_address_range(kind(first), kind(last))  # type: ignore[type-var]
        ]
        return name

    def _service(self, ranges: list[list[int]], protocol: str) -> str:
        name = f"S{abs(hash((str(ranges), protocol)))}"
        self.services[name] = [(protocol, str(a) if a == b else f"{a}-{b}") for a, b in ranges]
        return name


def main() -> None:
    """Measure and print."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    from absl import logging
    from aerleon.lib import naming
    from aerleon.lib.policy import FromBuilder
    from aerleon.lib.policy_builder import PolicyBuilder

    logging.set_verbosity(logging.FATAL)
    policy = Policy(json.loads(Path(sys.argv[1]).read_text()))
    definitions = naming.Naming()
    definitions.ParseDefinitionsObject(policy.definitions(), "bench")
    found = {}
    for name, check in (("parse", False), ("checked", True)):
        start = time.process_time()
        FromBuilder(PolicyBuilder(policy.text(), definitions, shade_check=check))
        found[name] = time.process_time() - start
    print(json.dumps({"parse": found["parse"], "shade": found["checked"] - found["parse"]}))


if __name__ == "__main__":
    main()
