"""The checks of single rule files, one module each, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fwadvisor.review.checks.base import Check, CheckModule

#: Id -> module of this package with `CHECK` and `run`.
CHECKS: Mapping[str, str] = {
    "shadowed-rule": "shadowed",
    "redundant-rule": "redundant",
    "correlated-rules": "correlated",
    "never-matching-rule": "never_matching",
    "always-matching-list": "always_matching",
    "unused-objects": "unused_objects",
}
#: Findings that are made elsewhere: id -> module of `fwadvisor.review`, and the name of the `Check` there.
KINDS: Mapping[str, tuple[str, str]] = {
    "expired-ignore": ("remarks", "EXPIRED"),
    "unused-ignore": ("remarks", "UNUSED"),
    "policy-widened": ("promises", "WIDENED"),
    "policy-narrowed": ("promises", "NARROWED"),
    "policy-changed": ("promises", "CHANGED"),
    "policy-unknown": ("promises", "UNKNOWN"),
    "never-violated": ("promises", "NEVER"),
}


def check_module(id: str) -> CheckModule:
    """The module of a check.

    Raises:
        KeyError: there is none.
    """
    return cast("CheckModule", import_module(f"{__name__}.{CHECKS[id]}"))


def check_of(id: str) -> Check:
    """What a kind of finding is, for its page.

    Raises:
        KeyError: there is none.
    """
    if id in CHECKS:
        return check_module(id).CHECK
    module, name = KINDS[id]
    return cast("Check", getattr(import_module(f"fwadvisor.review.{module}"), name))
