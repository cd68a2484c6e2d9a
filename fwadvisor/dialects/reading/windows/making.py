"""One rule in the making: its draft, the tests found so far, and how problems are noted."""

from __future__ import annotations

from dataclasses import dataclass, field

from fwadvisor.diagnostic import error
from fwadvisor.dialects.reading.windows.draft import Draft, Machine
from fwadvisor.dialects.reading.windows.fields import FieldError
from fwadvisor.dialects.reading.windows.words import ENUMERATIONS
from fwadvisor.model.firewall import AnyOf, Condition, ConditionTest, Test

#: How many entries of a list every version of Windows takes (MS-FASP 2.2.5 to 2.2.17).
_MOST_ENTRIES = 1000
#: Words that ask for nothing.
DEFAULTS = frozenset({"any", ""})


@dataclass
class Workshop:
    """What rules are made in; interface names that differ in case only are one interface."""

    machine: Machine
    _interfaces: dict[str, str] = field(default_factory=dict)

    def interface(self, name: str) -> str:
        """The first spelling of an interface's name."""
        return self._interfaces.setdefault(name.casefold(), name)


class Making:
    """A draft on its way to a rule."""

    __slots__ = ("draft", "place", "span", "tests", "unknown", "values", "workshop")

    def __init__(self, workshop: Workshop, draft: Draft) -> None:
        self.workshop = workshop
        self.draft = draft
        self.values = draft.values
        self.unknown = draft.unknown
        self.place = draft.place
        self.span = draft.place.span()
        self.tests: list[Test] = []

    def refuse(self, text: str, message: str, hint: str = "") -> None:
        """Note what Windows refuses."""
        self.workshop.machine.problems.add(error(message, self.place.of(text), hint))

    def misfit(self, parameter: str, problem: FieldError) -> None:
        """A value that a script may not have, and that an exported rule has in words that we do not know."""
        if self.draft.strict:
            self.refuse(problem.text, f"-{parameter}: {problem}", problem.hint)
        else:
            self.not_known(parameter, problem.text, f"{parameter}: {problem}")

    def not_known(self, parameter: str, text: str, reason: str) -> None:
        """Ask for something that is not understood."""
        condition = Condition(f"{parameter} {text}", understood=False)
        self.tests.append(ConditionTest(condition))
        self.workshop.machine.not_understood(self.place.of(text), reason)

    def word(self, parameter: str, default: str) -> str:
        """The word of an enumeration, `default` where there is none."""
        values = self.values.get(parameter)
        if not values:
            return default
        text = values[0]
        if text == default:
            return default
        found = ENUMERATIONS[parameter].word(text) if len(values) == 1 else None
        if found is None:
            self.refuse(text, f'-{parameter} is "{", ".join(values)}"', ENUMERATIONS[parameter].hint(text))
            return default
        return found

    def given(self, parameter: str) -> bool:
        """Whether a parameter says anything, known or not."""
        return self.draft.one(parameter).lower() not in DEFAULTS or parameter in self.unknown

    def flags(self, parameter: str, values: tuple[str, ...]) -> list[str]:
        """The words of a parameter that takes several; () where all are meant."""
        found = []
        for each in values:
            for text in each.split(","):
                words = self.flag(parameter, text.strip())
                if words is None:
                    self.refuse(each, f'-{parameter} is "{text.strip()}"', ENUMERATIONS[parameter].hint(text.strip()))
                else:
                    found += words
        return found

    def flag(self, parameter: str, text: str) -> list[str] | None:
        """The words of one part; None where there is no such."""
        words = ENUMERATIONS[parameter].words
        if text.isascii() and text.isdecimal() and len(text) <= 10:
            number = int(text)
            if number in (0, 0x7FFFFFFF):
                return list(words)[1:4]
            return [word for word, bit in words.items() if 0 < bit < 8 and number & bit] if number < 8 else None
        word = ENUMERATIONS[parameter].word(text)
        return list(words)[1:4] if word == "Any" else [word] if word else None

    def either(self, alternatives: list[tuple[Test, ...]]) -> None:
        """Add alternatives, of which one must hold."""
        if len(alternatives) == 1:
            self.tests.extend(alternatives[0])
        else:
            self.tests.append(AnyOf(tuple(alternatives)))

    def count(self, parameter: str, values: tuple[str, ...]) -> None:
        """Warn of lists that only newer versions take."""
        if len(values) > _MOST_ENTRIES and self.draft.strict:
            self.workshop.machine.warn(
                f"-{parameter} has {len(values)} entries; Windows 10 takes at most {_MOST_ENTRIES}",
                self.place.of(values[0]),
                "write several rules",
            )
