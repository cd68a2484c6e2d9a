"""Options of a command that belong to its matches and its target."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.iptables.command import Command, Instance, Strange
from fwadvisor.dialects.reading.iptables.matches import MATCHES, OF_PROTOCOL
from fwadvisor.dialects.reading.iptables.numbers import protocol
from fwadvisor.dialects.reading.iptables.parts import Given, Option, Target
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.steps import STEPS, rest_of
from fwadvisor.dialects.reading.iptables.targets import TARGETS


def _owner(command: Command, word: str) -> tuple[Instance, Option] | None:
    """The module that an option belongs to: the last one that knows it."""
    if command.target is not None:
        option = command.target.module.options.get(word)
        if option is not None and not (command.matches and command.matches[-1].at > command.target.at):
            return command.target, option
    for instance in reversed(command.matches):
        option = instance.module.options.get(word)
        if option is not None:
            return instance, option
    if command.target is not None and word in command.target.module.options:
        return command.target, command.target.module.options[word]
    return None


def _of_protocol(command: Command) -> Instance | None:
    """The match of the rule's protocol, where no -m named it yet."""
    value = command.plain.get("p")
    if value is None or value.negated:
        return None
    name = OF_PROTOCOL.get(protocol(value.text), "")
    if not name or any(each.module.name == name for each in command.matches):
        return None
    return Instance(MATCHES[name], value.at, [])


def _instances(command: Command) -> list[Instance]:
    return [*command.matches, *([command.target] if command.target else [])]


def take_option(command: Command, word: str) -> bool:
    """Give an option to the module that it belongs to; False where it is only spelt out, to be read again."""
    found = _owner(command, word)
    # With -m multiport --dport is short for --dports, whatever else might know it.
    if found is None and not _abbreviated(word.partition("=")[0], _instances(command)):
        own = _of_protocol(command)
        name = word.partition("=")[0]
        if own is not None and (name in own.module.options or _abbreviated(name, [own])):
            command.matches.append(own)
            found = _owner(command, word)
    if found is not None:
        _take(command, word, *found)
        return True
    if _respelt(command, word):
        return False
    _foreign(command, word)
    return True


def _take(command: Command, word: str, instance: Instance, option: Option) -> None:
    """Note an option with its values."""
    at, words = command.at, command.words
    end = at + 1 + option.values
    if end > len(words):
        raise RefusedError(f'"{word}" needs {option.values} value{"s" * (option.values > 1)}', word, at=at)
    if command.negated and (not option.negatable or isinstance(instance.module, Target)):
        raise RefusedError(f'"{word}" cannot be negated', word, at=at)
    if not option.repeats and any(each.name == option.name for each in instance.given):
        raise RefusedError(f'"{word}" may stand only once', word, at=at)
    values = tuple(words[at + 1 : end])
    if option.name == "--comment":
        command.comment = values[0]
    instance.given.append(Given(option.name, values, command.negated))
    command.at = end


#: Letters that may share one dash.
_FLAGS = re.compile(r"-[nvxLSZ]{2,}")
#: Options that iptables wants apart from their value.
_ADDRESSES = frozenset({"--source", "--src", "--destination", "--dst"})


def _respelt(command: Command, word: str) -> bool:
    """Put the usual spelling in place of ``--option=value``, ``-svalue`` or a shortened option, if it is one."""
    at, words = command.at, list(command.words)
    name, equals, value = word.partition("=")
    if word[:2] in ("-s", "-d") or name in _ADDRESSES:
        return False
    if word[:2] == "--" and equals and (name in STEPS or _owner(command, name)):
        words[at : at + 1] = [name, value]
    elif _FLAGS.fullmatch(word):
        words[at : at + 1] = [f"-{letter}" for letter in word[1:]]
    elif len(word) > 2 and word[:2] in STEPS and word[1] not in "-46fnvx":
        words[at : at + 1] = [word[:2], word[2:]]
    else:
        full = _abbreviated(name, _instances(command))
        if not full:
            return False
        words[at : at + 1] = [full, value] if equals else [full]
    command.words = words
    return True


def _abbreviated(word: str, instances: Sequence[Instance]) -> str:
    """The one option that begins so, or ""."""
    if word[:2] != "--" or len(word) < 4:
        return ""
    names = {name for name in STEPS if name.startswith(word)}
    own = {(each.module.name, option.name): name for each in instances for name, option in each.module.options.items()
           if name.startswith(word)}  # fmt: skip
    candidates = [*names, *own.values()]
    return candidates[0] if len(candidates) == 1 else ""


def _foreign(command: Command, word: str) -> None:
    """An option that belongs to nothing known: part of a foreign target, or an error."""
    if command.leads is not None and not command.goto and word.startswith("--"):
        command.strange.append(Strange(f"{command.leads.text}{rest_of(command)}", target=True))
        return
    raise _unexpected(command, word)


def _unexpected(command: Command, word: str) -> RefusedError:
    at = command.at
    if not word.startswith("-"):
        return RefusedError(f'"{word}" is not expected here', word, "expected an option", at)
    known = {
        **{name: match.name for match in MATCHES.values() for name in match.options},
        **{name: target.name for target in TARGETS.values() for name in target.options},
    }
    own = _of_protocol(command)
    near = [name for each in (*_instances(command), *([own] if own else [])) for name in each.module.options]
    hint = did_you_mean(word, near) or did_you_mean(word, [name for name in STEPS if name.startswith("--")])
    if word in known:
        match = known[word]
        wanted = "-p tcp or -p udp" if word in ("--dport", "--sport") else f"-m {match}"
        wanted = f"-j {match}" if match.isupper() else wanted
        hint = f"it needs {wanted} before it"
    elif not hint:
        hint = did_you_mean(word, known)
    return RefusedError(f'option "{word}" is not known here', word, hint, at)
