"""What every dialect declares and promises, and what all writers share."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from socket import AF_INET, AF_INET6, inet_ntop
from typing import TYPE_CHECKING, Protocol

from fwadvisor.model.address import AddressSet, Family, cidrs, format_cidr
from fwadvisor.model.note import Note
from fwadvisor.model.rule import Hook, Log, Origin, Ruleset, Verdict
from fwadvisor.resources import templates_dir

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a dialect can say. Everything outside is an error, or with leave a narrower rule and a note."""

    dialect: str
    title: str
    hooks: frozenset[Hook]
    verdicts: frozenset[Verdict]
    #: Protocols whose ports can be matched.
    port_protocols: frozenset[int]
    #: The same under an option of the dialect's text, where it says more: (option, value) -> protocols.
    port_protocols_under: tuple[tuple[tuple[str, str], frozenset[int]], ...] = ()
    #: The systems that the text is for, and under an option of the text: (option, value) -> systems.
    systems: tuple[str, ...] = ()
    systems_under: tuple[tuple[tuple[str, str], tuple[str, ...]], ...] = ()
    #: Connection-tracking helpers that can be assigned, by the kernel's names.
    helpers: frozenset[str] = frozenset()
    #: Whether the rules that assign them see destinations as they are before translation.
    helpers_before_translation: bool = False
    #: Whether a rule can log.
    log: bool = True
    #: So many bytes may stand before what it logs; 0 where none can.
    log_prefix: int = 0
    #: Whether replies and errors of known connections pass without a rule.
    implicit_states: bool = False
    #: Commands that show the loaded rules and how often each one matched.
    look: tuple[str, ...] = ()
    #: The longest interface name, and the pattern that names must satisfy.
    interface_pattern: str = r"[A-Za-z0-9_.-]{1,15}"

    def under(self, options: tuple[tuple[str, str], ...]) -> Capabilities:
        """The capabilities where the text is written under these options."""
        more = [protocols for option, protocols in self.port_protocols_under if option in options]
        systems = next((systems for option, systems in self.systems_under if option in options), self.systems)
        return replace(self, port_protocols=self.port_protocols.union(*more), systems=systems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What stands around the rules: plain text for comments, still to be made safe by the writer."""

    #: Slug of the policy, fit for file and table names: ``[a-z0-9-]``, at most 40 characters.
    name: str
    #: What the output is: profiles, parameters, the tool's version. One comment line each.
    about: tuple[str, ...] = ()
    #: The notes that matter for this dialect.
    notes: tuple[Note, ...] = ()
    #: Named variations of the dialect's text, such as the pf variant.
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file to be written: its name in the output directory, and its exact bytes."""

    name: str
    content: bytes


class Dialect(Protocol):
    """A firewall's language."""

    capabilities: Capabilities
    #: The files that `write` returns, in order.
    file_names: tuple[str, ...]

    def write(self, ruleset: Ruleset, document: Document) -> tuple[OutputFile, ...]:
        """The ruleset in this language.

        The text loads unchanged, may be loaded again with the same result, and depends on nothing but the
        arguments. The ruleset has passed `inexpressible` before.
        """


_UNSAFE = re.compile(r"[^A-Za-z0-9 ._:/,()+=@-]+")
_PREFIX = re.compile(r"[A-Za-z0-9 ._:/,()+=@\[\]<>#*-]+")
SLUG_BYTES = 63


def slug(text: str, most: int = SLUG_BYTES) -> str:
    """`text` reduced to characters that are safe in the comments and labels of every dialect.

    The full text belongs in the notes; an arrow becomes "to". ``[A-Za-z0-9 ._:/,()+=@-]``, at most `most` bytes,
    never empty.
    """
    return _UNSAFE.sub("_", text.replace("->", "to")).strip()[:most].strip() or "rule"


def log_prefix(log: Log, most: int) -> str:
    """The prefix of a log in at most so many bytes, safe between quotes; as given where it can be."""
    if log.as_given and _PREFIX.fullmatch(log.prefix) and len(log.prefix) <= most:
        return log.prefix
    return slug(log.prefix, most - 2).rstrip(": ") + ": "


def whence(origin: Origin) -> str:
    """The profile and line that made a rule, safe everywhere."""
    if origin.place is None:
        return str(origin.kind)
    return slug(f"{origin.profile[:48]}:{origin.place.line}" if origin.profile else str(origin.place))


def comment_lines(text: str, width: int = 100) -> list[str]:
    """`text` as lines for ``#`` comments of any dialect: safe characters only, wrapped, no line joins."""
    from textwrap import wrap

    safe = re.sub(r"[^ -~]", "?", text).replace("\\", "/").replace("`", "'")
    return wrap(safe, width, break_on_hyphens=False) or [""]


def networks(addresses: AddressSet, family: Family) -> list[str]:
    """The addresses of one family as the fewest CIDRs, hosts without prefix."""
    kind, length, bits = (AF_INET, 4, 32) if family is Family.IPV4 else (AF_INET6, 16, 128)
    texts: list[str] = []
    for first, last in addresses.of(family):
        count = last - first + 1
        if count == 1:
            texts.append(inet_ntop(kind, first.to_bytes(length)))
        elif count & (count - 1) == 0 and first & (count - 1) == 0:
            texts.append(f"{inet_ntop(kind, first.to_bytes(length))}/{bits - count.bit_length() + 1}")
        else:
            texts += (format_cidr(value, prefix, family) for value, prefix in cidrs(((first, last),), family))
    return texts


@cache
def environment() -> jinja2.Environment:
    """The one template environment for rules: strict, no autoescape, line-exact."""
    import jinja2

    from fwadvisor.dialects.template_cache import TemplateCache

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        bytecode_cache=TemplateCache(templates_dir()),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  rules are no HTML; text is made safe by the dialect's own escaping
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: object) -> str:
    """A rule template filled in; templates make no decision, they are text with places."""
    return environment().get_template(template).render(**values)
