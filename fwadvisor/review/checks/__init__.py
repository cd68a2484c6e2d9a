"""The checks of single rule files, one module each, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fwadvisor.review.checks.base import CheckModule

#: Id -> module of this package.
CHECKS: Mapping[str, str] = {
    "shadowed-rule": "shadowed",
    "redundant-rule": "redundant",
    "correlated-rules": "correlated",
    "never-matching-rule": "never_matching",
    "unused-objects": "unused_objects",
}


def check_module(id: str) -> CheckModule:
    """The module of a check.

    Raises:
        KeyError: there is none.
    """
    return cast("CheckModule", import_module(f"{__name__}.{CHECKS[id]}"))
