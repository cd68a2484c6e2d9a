"""The dialects, imported on demand.

To add one: write ``dialects/<name>.py`` with a module-level ``DIALECT`` that satisfies
`fwadvisor.dialects.base.Dialect`, add its row to `DIALECTS`, its templates under ``rule_templates/<name>/``
and its golden files under ``tests/cases/``; a registry test names what is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fwadvisor.dialects.base import Capabilities, Dialect

#: Name on the command line -> module; the order of output everywhere.
DIALECTS = {
    "iptables": "fwadvisor.dialects.iptables",
    "nftables": "fwadvisor.dialects.nftables",
    "windows": "fwadvisor.dialects.windows",
    "pf": "fwadvisor.dialects.pf",
}


def dialect(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        KeyError: there is none.
    """
    return cast("Dialect", import_module(DIALECTS[name]).DIALECT)


def policy_capabilities() -> Capabilities:
    """The capabilities of no dialect but the policy's own: everything that any of them has."""
    from fwadvisor.dialects import base
    from fwadvisor.model.rule import Hook, Verdict

    every = [dialect(name).capabilities for name in DIALECTS]
    return base.Capabilities(
        dialect="policy",
        title="the policy",
        hooks=frozenset[Hook]().union(*(each.hooks for each in every)),
        verdicts=frozenset[Verdict]().union(*(each.verdicts for each in every)),
        port_protocols=frozenset[int]().union(*(each.port_protocols for each in every)),
        helpers=frozenset[str]().union(*(each.helpers for each in every)),
    )
