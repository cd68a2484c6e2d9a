"""Classes of names that no test tells apart, so that sets of names become sets of integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fwadvisor.model.firewall import Names
from fwadvisor.model.interval import Intervals, contains, normalize


class NameAtoms:
    """The partition of all names that `constants` make: atoms are counted from 0.

    Each listed name is an atom; each listed prefix is one, of the names that begin with it, are not listed and
    begin with no longer listed prefix; all other names are the last. Every test of `constants` holds for all
    names of an atom or for none, so it is enough to ask one sample of each.
    """

    def __init__(self, constants: Iterable[Names]) -> None:
        constants = tuple(constants)
        self._names = sorted({name for each in constants for name in each.names})
        self._prefixes = sorted({prefix for each in constants for prefix in each.prefixes})
        used = {letter for text in (*self._names, *self._prefixes) for letter in text}
        #: Begins no constant and is in none, so a prefix with it is a name that no constant singles out.
        self._fresh = next(letter for n in range(0xE000, 0xF8FF) if (letter := chr(n)) not in used)
        samples = dict.fromkeys((*self._names, *(prefix + self._fresh for prefix in self._prefixes), self._fresh))
        self._samples = tuple(samples)
        self._atom = {sample: number for number, sample in enumerate(self._samples)}
        self._constants = constants

    @property
    def count(self) -> int:
        """How many atoms there are."""
        return len(self._samples)

    def of(self, names: Names) -> Intervals:
        """The atoms of one of the constants."""
        return normalize((n, n) for n, sample in enumerate(self._samples) if sample in names)

    def atom(self, name: str) -> int:
        """The atom of a name."""
        if name in self._names:
            return self._atom[name]
        longest = max((p for p in self._prefixes if name.startswith(p)), key=len, default="")
        return self._atom[longest + self._fresh]

    def touching(self, pieces: Sequence[tuple[Names, ...]]) -> Intervals:
        """The atoms that share a name with a piece: the names that are in all sets of the piece."""
        joint = NameAtoms((*self._constants, *(names for piece in pieces for names in piece)))
        return normalize(
            (self.atom(sample), self.atom(sample))
            for sample in joint._samples
            if any(all(sample in names for names in piece) for piece in pieces)
        )

    def pieces(self, atoms: Intervals) -> list[tuple[Names, ...]]:
        """Disjoint sets of names whose union is `atoms`; each is the names that are in all sets of a tuple.

        Seen from the root of the tree of prefixes, membership changes from prefix to longer prefix to name.
        Where it becomes true for the first time is the first piece, less where it becomes false within;
        where it becomes true within that again is the next piece, and so on.
        """
        levels: dict[str, int] = {"": int(contains(atoms, self._atom[self._fresh]))}
        entered: dict[int, tuple[set[str], set[str]]] = {levels[""]: (set(), {""})}
        for prefix in sorted(self._prefixes, key=len):
            self._enter(prefix, prefix + self._fresh, levels, entered, atoms, True)
        for name in self._names:
            self._enter(name, name, levels, entered, atoms, False)
        pieces = []
        for level in sorted(each for each in entered if each % 2):
            inside, holes = entered[level], entered.get(level + 1)
            sets = [] if "" in inside[1] else [Names(frozenset(inside[0]), frozenset(inside[1]))]
            if holes is not None:
                sets.append(Names(frozenset(holes[0]), frozenset(holes[1]), inverted=True))
            pieces.append(tuple(sets))
        return pieces

    def _enter(
        self,
        text: str,
        sample: str,
        levels: dict[str, int],
        entered: dict[int, tuple[set[str], set[str]]],
        atoms: Intervals,
        is_prefix: bool,
    ) -> None:
        above = max((p for p in levels if text.startswith(p) and not (is_prefix and p == text)), key=len, default="")
        level = levels[above]
        if contains(atoms, self._atom[sample]) is not bool(level % 2):
            level += 1
            entered.setdefault(level, (set(), set()))[1 if is_prefix else 0].add(text)
        if is_prefix and text:
            levels[text] = level
