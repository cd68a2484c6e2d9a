"""Places of files that were written to a folder of ours for a while, called by the name that people know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from fwadvisor.diagnostic import Diagnostic, Label, Span
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.firewall import Firewall, FirewallChain, Opaque


@dataclass(frozen=True, slots=True)
class Renaming:
    """Everything under `folder` is called `prefix` and its path from there: ``HEAD~1:profiles/base.yaml``."""

    #: None renames nothing.
    folder: Path | None = None
    prefix: str = ""

    def text(self, text: str) -> str:
        """A text that may speak of the folder."""
        if self.folder is None:
            return text
        for folder in dict.fromkeys((str(self.folder), str(self.folder.resolve()))):
            text = text.replace(f"{folder}/", self.prefix).replace(folder, self.prefix)
        return text

    def span(self, span: Span) -> Span:
        """A place."""
        file = self.text(span.file)
        return span if file == span.file else replace(span, file=file)

    def diagnostics(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Messages with all their places."""
        return tuple(
            replace(
                each,
                message=self.text(each.message),
                span=each.span and self.span(each.span),
                hint=self.text(each.hint),
                labels=tuple(Label(self.span(label.span), self.text(label.text)) for label in each.labels),
            )
            for each in diagnostics
        )

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors that arise inside leave with the places that people know."""
        try:
            yield
        except FwadvisorError as refusal:
            raise type(refusal)(self.diagnostics(refusal.diagnostics)) from refusal

    def firewall(self, firewall: Firewall) -> Firewall:
        """A firewall whose rules, chains and remarks have the places that people know."""
        if self.folder is None:
            return firewall
        return replace(
            firewall,
            name=self.text(firewall.name),
            chains={name: self._chain(chain) for name, chain in firewall.chains.items()},
            bases=tuple(replace(base, span=base.span and self.span(base.span)) for base in firewall.bases),
            opaque=tuple(Opaque(self.span(each.span), self.text(each.reason)) for each in firewall.opaque),
            warnings=self.diagnostics(firewall.warnings),
        )

    def _chain(self, chain: FirewallChain) -> FirewallChain:
        rules = tuple(replace(rule, span=self.span(rule.span)) for rule in chain.rules)
        return replace(chain, rules=rules, span=chain.span and self.span(chain.span))
