"""Commands from words, as iptables sorts them."""

from __future__ import annotations

from collections.abc import Sequence

from fwadvisor.dialects.reading.iptables.command import Command
from fwadvisor.dialects.reading.iptables.options import take_option
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.steps import STEPS


def parse(words: Sequence[str], start: int) -> Command:
    """The command that the words from `start` on make.

    Raises:
        RefusedError: iptables would refuse it.
    """
    command = Command(words, at=start)
    size = len(words)
    steps = STEPS
    while command.at < size:
        word = words[command.at]
        step = steps.get(word)
        if step is not None:
            step(command)
        elif word == "!":
            _negate(command)
            continue
        else:
            done = take_option(command, word)
            size = len(command.words)
            words = command.words
            if not done:
                # The word is spelt out now; an exclamation mark before it still counts.
                continue
        command.negated = False
    if command.negated:
        raise RefusedError("nothing follows the exclamation mark", "!", at=len(words) - 1)
    return command


def _negate(command: Command) -> None:
    if command.negated:
        raise RefusedError("two exclamation marks follow each other", "!", at=command.at)
    command.negated = True
    command.at += 1
