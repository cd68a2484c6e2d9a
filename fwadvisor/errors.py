"""The errors that users see. Each carries diagnostics, so that several problems show in one run."""

from __future__ import annotations

from collections.abc import Iterable

from fwadvisor.diagnostic import Diagnostic, error


class FwadvisorError(Exception):
    """Something a user can mend; the command ends with exit code 2.

    Attributes:
        diagnostics: at least one, in the order in which they should be shown.
    """

    def __init__(self, diagnostics: str | Diagnostic | Iterable[Diagnostic]) -> None:
        if isinstance(diagnostics, str):
            diagnostics = error(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = (
            (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        )
        super().__init__("; ".join(d.message for d in self.diagnostics))


class ProfileError(FwadvisorError):
    """A profile cannot be read or does not make sense."""


class KnowledgeError(FwadvisorError):
    """The port database, a registry file or an overlay is wrong."""


class UnknownNameError(FwadvisorError):
    """Nothing is called what the user said."""


class PolicyError(FwadvisorError):
    """The policy contradicts itself or cannot be compiled."""


class InexpressibleError(FwadvisorError):
    """A dialect cannot say what the policy asks; nothing was written."""


class ReadError(FwadvisorError):
    """A rule file cannot be read as what it claims to be."""


class BudgetError(FwadvisorError):
    """A computation would grow beyond its budget; it names what made it large, and gives no answer."""
