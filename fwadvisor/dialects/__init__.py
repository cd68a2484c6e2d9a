"""The dialects, imported on demand.

To add one: write ``dialects/<name>.py`` with a module-level ``DIALECT`` that satisfies
`fwadvisor.dialects.base.Dialect`, add its row to `DIALECTS`, its templates under ``rule_templates/<name>/``
and its golden files under ``tests/cases/``; a registry test names what is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fwadvisor.dialects.base import Dialect

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
