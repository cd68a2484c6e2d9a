"""What a user's word means: a number, a range, an application, a port entry or a registered name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fwadvisor.diagnostic import did_you_mean, error
from fwadvisor.errors import UnknownNameError
from fwadvisor.ports.facts import Transport

if TYPE_CHECKING:
    from fwadvisor.ports.database import Database
    from fwadvisor.ports.facts import Application, Port

_NUMBER = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?:/([A-Za-z]+))?")
_SWAPPED = re.compile(r"([A-Za-z]+)[/ :]([0-9]{1,9}(?:-[0-9]{1,9})?)")
_NAME = re.compile(r"(.+)/(tcp|udp|sctp|dccp)")


class Numbers(NamedTuple):
    """A port number or a range; `transport` None means all of them."""

    first: int
    last: int
    transport: Transport | None = None

    def __str__(self) -> str:
        ports = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{ports}/{self.transport}" if self.transport else ports


class Subject(NamedTuple):
    """What one word of the command line turned out to be; exactly one of the fields is set."""

    text: str
    numbers: Numbers | None = None
    application: Application | None = None
    entry: Port | None = None


def _unknown(text: str, message: str, hint: str = "") -> UnknownNameError:
    return UnknownNameError(error(message.replace("{}", f'"{text}"'), hint=hint))


def _transport(word: str, text: str) -> Transport:
    try:
        return Transport(word.lower())
    except ValueError:
        known = [transport.value for transport in Transport]
        hint = did_you_mean(word, known) or f"known are {', '.join(known)}"
        raise _unknown(text, f'{{}}: "{word}" is no transport', hint) from None


def _numbers(first: int, last: int, transport: Transport | None, text: str) -> Numbers:
    highest = 255 if transport is Transport.IP else 65535
    if first > highest or last > highest:
        what = "IP protocol numbers end" if transport is Transport.IP else "ports end"
        raise _unknown(text, f"{{}}: {what} at {highest}")
    if last < first:
        raise _unknown(text, "{}: the range ends before it begins", f"did you mean {last}-{first}?")
    return Numbers(first, last, transport)


def _of_digits(text: str) -> Numbers | None:
    swapped = _SWAPPED.fullmatch(text)
    if swapped:
        text = f"{swapped[2]}/{swapped[1]}"
    shape = _NUMBER.fullmatch(text)
    if shape is None:
        return None
    transport = _transport(shape[3], text) if shape[3] else None
    return _numbers(int(shape[1]), int(shape[2] or shape[1]), transport, text)


def resolve(text: str, database: Database) -> list[Subject]:
    """What `text` means. A registered name with several numbers gives a subject for each.

    Order: numbers, application ids, port entries, aliases of applications, registered service names.

    Raises:
        UnknownNameError: nothing has that name; with the nearest names as a hint.
    """
    word = text.strip()
    numbers = _of_digits(word)
    if numbers is not None:
        return [Subject(word, numbers=numbers)]
    key = word.lower()
    if key in database.applications:
        return [Subject(word, application=database.applications[key])]
    if key in database.ports:
        return [Subject(word, entry=database.ports[key])]
    application = database.application(key)
    if application is not None:
        return [Subject(word, application=application)]
    split = _NAME.fullmatch(key)
    name, transport = (split[1], Transport(split[2])) if split else (key, None)
    spots = dict.fromkeys(
        Numbers(entry.first, entry.last, transport)
        for entry in database.registry.named(name)
        if transport is None or transport in entry.transports
    )
    if spots:
        return [Subject(word, numbers=spot) for spot in spots]
    known = {*database.application_names(), *database.ports, *database.registry.names()}
    hint = did_you_mean(name, known) or f'try: fwadvisor search "{word}"'
    raise _unknown(word, "nothing is known under the name {}", hint)
