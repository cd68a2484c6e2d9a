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
    "risky-service-exposed": "risky_exposed",
    "too-wide-source": "wide_source",
    "missing-default-drop": "missing_default_drop",
    "missing-ipv6-twin": "missing_ipv6_twin",
    "missing-neighbour-discovery": "missing_neighbour_discovery",
    "accepts-before-state": "accepts_before_state",
    "undefined-pf-table": "undefined_pf_table",
    "helper-without-need": "helper_without_need",
    "helper-missing": "helper_missing",
    "legacy-service-open": "legacy_service_open",
    "unlimited-logging": "unlimited_logging",
    "expired-grant": "expired_grants",
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
