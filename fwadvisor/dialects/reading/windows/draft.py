"""What a file says before it is understood: rules as parameters of New-NetFirewallRule, and the state of profiles."""

from __future__ import annotations

from dataclasses import dataclass, field

from fwadvisor.diagnostic import Diagnostic, Span, error, warning
from fwadvisor.dialects.reading.source import MOST_PROBLEMS, Problems
from fwadvisor.dialects.reading.windows.page import Page, Place
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import PROFILES, Opaque

#: Ten times as many as any machine takes.
MOST_RULES = 100_000
#: The key of `Draft.unknown` that stands for every parameter.
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Given:
    """Something that a script asks and we cannot: the rule exists only where it holds (or does not)."""

    text: str
    holds: bool = True


@dataclass(slots=True, eq=False)
class Draft:
    """One rule as written.

    Every format is put into the words of New-NetFirewallRule; a parameter that is absent has its default.
    `strict` is True for scripts, which Windows has not accepted yet, False for what a machine exported.
    """

    place: Place
    values: dict[str, tuple[str, ...]]
    strict: bool = True
    #: Parameters whose value is not known, and the text that stands for it.
    unknown: dict[str, str] = field(default_factory=dict)
    given: tuple[Given, ...] = ()
    #: From which store a registry file has it: "local" or "policy".
    store: str = "local"

    def one(self, parameter: str, default: str = "") -> str:
        """The first value of a parameter."""
        values = self.values.get(parameter)
        return values[0] if values else default


@dataclass(frozen=True, slots=True)
class Setting:
    """A switch of a profile: its word and where it was set; `unknown` says why it is not known."""

    word: str
    span: Span
    unknown: str = ""


#: The switches that decide, as Set-NetFirewallProfile names them.
SWITCHES = ("Enabled", "DefaultInboundAction", "DefaultOutboundAction", "AllowInboundRules", "AllowLocalFirewallRules")


@dataclass(slots=True)
class Machine:
    """Everything that the files have said so far."""

    problems: Problems = field(default_factory=Problems)
    drafts: dict[Draft, None] = field(default_factory=dict)
    #: Rule names in lower case; Windows holds each name once.
    names: dict[str, Draft] = field(default_factory=dict)
    #: For each of `PROFILES`: switch -> setting.
    profiles: tuple[dict[str, Setting], ...] = field(default_factory=lambda: tuple({} for _ in PROFILES))
    opaque: list[Opaque] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    #: Parts of which it is not known what they do to any packet: place, text, reason.
    unread: list[tuple[Span, str, str]] = field(default_factory=list)
    #: Whether the files hold every rule of the machine.
    complete: bool = False
    _said: set[str] = field(default_factory=set)
    _noted: set[tuple[Span, str]] = field(default_factory=set)

    def add(self, draft: Draft) -> Draft:
        """Take a rule; a name that is not known is no name.

        Raises:
            ReadError: there are too many.
        """
        if len(self.drafts) >= MOST_RULES:
            raise ReadError(error(f"there are more than {MOST_RULES} rules", draft.place.span()))
        self.drafts[draft] = None
        if draft.values.get("Name") and "Name" not in draft.unknown:
            self.names.setdefault(draft.one("Name").lower(), draft)
        return draft

    def remove(self, draft: Draft) -> None:
        """Forget a rule."""
        self.drafts.pop(draft, None)
        name = draft.one("Name").lower()
        if self.names.get(name) is draft:
            del self.names[name]

    def warn(self, message: str, span: Span, hint: str = "") -> None:
        """Warn once of each message; of many different ones only the first are kept."""
        if message not in self._said and len(self.warnings) < MOST_PROBLEMS:
            self._said.add(message)
            self.warnings.append(warning(message, span, hint))

    def not_understood(self, span: Span, reason: str) -> None:
        """Note an opaque part that is already in the rules as a condition."""
        if (span, reason) not in self._noted:
            self._noted.add((span, reason))
            self.opaque.append(Opaque(span, reason))

    def not_read(self, span: Span, text: str, reason: str) -> None:
        """Note a part that may decide any packet."""
        if (span, reason) not in self._noted:
            self.not_understood(span, reason)
            self.unread.append((span, text, reason))

    def set_profiles(self, numbers: list[int], switch: str, setting: Setting) -> None:
        """Set a switch of some profiles."""
        for number in numbers:
            self.profiles[number][switch] = setting


@dataclass(frozen=True, slots=True)
class Reading:
    """One file on its way into the machine."""

    machine: Machine
    page: Page

    def place(self, start: int, end: int) -> Place:
        """A stretch of the file."""
        return Place(self.page, start, end)
