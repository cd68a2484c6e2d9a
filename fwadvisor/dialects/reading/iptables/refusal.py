"""What is wrong with one word of a rule, before its place is known."""

from __future__ import annotations


class RefusedError(Exception):
    """iptables itself would refuse this, or we cannot read it; `word` is the offending word of the line.

    `at` is the number of the word where that is known, else the word is looked for in the line.
    """

    def __init__(self, message: str, word: str = "", hint: str = "", at: int = -1) -> None:
        super().__init__(message)
        self.message = message
        self.word = word
        self.hint = hint
        self.at = at
