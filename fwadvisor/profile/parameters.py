"""Parameters: what a profile declares, what a run sets, and conditions on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fwadvisor.decode import Document, Node, Scalar, Sequence, describe
from fwadvisor.decode.reader import listing, suggestion
from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.profile.values import ProfileReader, Type, Value, parse_value

#: The field names of a parameter, and which of them belong to which types only.
FIELDS = ("type", "help", "default", "example", "optional", "choices", "minimum", "maximum")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")

#: Stand-ins with which a profile is checked where a required parameter has neither value nor example.
_STAND_INS = {
    Type.ADDRESSES: "192.0.2.0/24, 2001:db8::/32",
    Type.INTERFACES: "eth0",
    Type.PORTS: "5000-5099",
    Type.BOOLEAN: "true",
    Type.TEXT: "text",
    Type.DATE: "9999-12-31",
}


@dataclass(slots=True)
class Parameter:
    """One declared parameter; without default it is required, unless optional."""

    name: str
    type: Type
    node: Node
    help: str = ""
    optional: bool = False
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    default: Value | None = None
    example: Value | None = None

    @property
    def required(self) -> bool:
        """Whether a run must give a value."""
        return self.default is None and not self.optional

    def stand_in(self) -> str:
        """A value that makes sense for trying the profile out."""
        if self.example is not None:
            return self.example.text
        if self.type is Type.CHOICE:
            return self.choices[0]
        return str(self.minimum) if self.type is Type.INTEGER else _STAND_INS[self.type]


def read_parameters(reader: ProfileReader, node: Node) -> None:
    """The `parameters` section into ``reader.declared``."""
    section = reader.mapping(node, "parameters")
    for key, value in section.pairs() if section is not None else ():
        if not NAME.fullmatch(key.text):
            reader.error(key, f'"{key.text}" cannot be a parameter name', "lower-case letters, digits, - and _")
            continue
        parameter = _declaration(reader, key, value)
        if parameter is None:
            reader.broken.add(key.text)
        else:
            reader.declared[key.text] = parameter


def _declaration(reader: ProfileReader, key: Scalar, node: Node) -> Parameter | None:
    what = f'the parameter "{key.text}"'
    before = len(reader.diagnostics)
    fields = reader.fields(node, what, FIELDS, ("type",))
    kind = reader.word(fields["type"], f"type of {what}", tuple(Type)) if "type" in fields else None
    if kind is None:
        return None
    parameter = Parameter(key.text, Type(kind), key)
    if "help" in fields:
        parameter.help = reader.text(fields["help"], f"help of {what}") or ""
    if "optional" in fields:
        parameter.optional = reader.boolean(fields["optional"], f"optional of {what}") or False
    if not _limits(reader, parameter, key, what, fields):
        return None
    for field in ("default", "example"):
        if field in fields:
            setattr(parameter, field, _constant(reader, parameter, fields[field], field))
    if parameter.optional and "default" in fields:
        reader.error(fields["default"], f"{what} is optional and has a default", "a default is always there; drop one")
    return parameter if len(reader.diagnostics) == before else None


def _limits(reader: ProfileReader, parameter: Parameter, key: Scalar, what: str, fields: dict[str, Node]) -> bool:
    """Read choices, minimum and maximum; False where the parameter cannot be used."""
    for field, owner in (("choices", Type.CHOICE), ("minimum", Type.INTEGER), ("maximum", Type.INTEGER)):
        if field in fields and parameter.type is not owner:
            reader.error(fields[field], f"{what} is of type {parameter.type}; {field} belongs to {owner}")
    if parameter.type is Type.CHOICE:
        if "choices" not in fields:
            reader.error(key, f'{what} needs the field "choices"', "choices: [one, another]")
            return False
        texts = [reader.text(child, f"choice of {what}") for child in reader.children(fields["choices"], "choices")]
        parameter.choices = tuple(dict.fromkeys(text for text in texts if text))
        if len(parameter.choices) < len(texts):
            reader.error(fields["choices"], f"choices of {what} are not distinct texts")
        return bool(parameter.choices)
    if parameter.type is Type.INTEGER:
        low = reader.integer(fields["minimum"], "minimum", -(10**15)) if "minimum" in fields else 0
        high = reader.integer(fields["maximum"], "maximum", -(10**15)) if "maximum" in fields else None
        parameter.minimum, parameter.maximum = low or 0, high
        if high is not None and high < parameter.minimum:
            reader.error(fields["maximum"], f"maximum {high} is less than minimum {parameter.minimum}")
            return False
    return True


def _constant(reader: ProfileReader, parameter: Parameter, node: Node, field: str) -> Value | None:
    """A default or example: a value that uses no other parameter."""
    children: list[Node] = node.children if isinstance(node, Sequence) else [node]
    for child in children:
        if parameter.type is not Type.TEXT and reader.parameter(child):
            reader.error(child, f"a {field} cannot use another parameter")
            return None
    return parse_value(reader, parameter, node)


def setting_value(reader: ProfileReader, parameter: Parameter, name: str, text: str) -> Value | None:
    """The text of ``--set name=text`` as a value; problems go to `reader` with the setting as their place."""
    document = Document("--set", f"{name}={text}")
    start = len(name) + 1
    node: Node
    if parameter.type in (Type.ADDRESSES, Type.INTERFACES):
        node = Sequence(start)
        for part in text.split(","):
            lead = len(part) - len(part.lstrip())
            node.children.append(Scalar(part.strip(), True, start + lead))
            start += len(part) + 1
    else:
        node = Scalar(text.strip(), True, start)
    own = ProfileReader(document, reader.service_ports)
    if not text.strip():
        own.error(node, f'the value of "{parameter.name}" is empty', "leave the setting out, or say the value")
        value = None
    elif text.strip().startswith("$"):
        own.error(node, f'the value of "{parameter.name}" cannot be a parameter', "write the value itself")
        value = None
    elif parameter.type is Type.TEXT:
        value = Value(Type.TEXT, text.strip(), text.strip())
    else:
        value = parse_value(own, parameter, node)
    reader.diagnostics += own.diagnostics
    return value


def missing(reader: ProfileReader, profile: str, absent: list[Parameter]) -> Diagnostic:
    """One error for all required parameters without value: what they are and how to give them."""
    names = listing(parameter.name for parameter in absent)
    count = "a value" if len(absent) == 1 else "values"
    labels = tuple(reader.label(p.node, f"{p.name} ({p.type}){': ' + p.help if p.help else ''}") for p in absent[1:])
    first = absent[0]
    message = f'"{profile}" needs {count} for {names}'
    if first.help:
        message += f" ({first.help})" if len(absent) == 1 else f" ({first.name}: {first.help})"
    hint = "add " + " ".join(f"--set {p.name}={_quoted(p.stand_in())}" for p in absent)
    return error(message, reader.document.span(first.node), hint, *labels)


def _quoted(text: str) -> str:
    """A value as one word of a shell; every shell reads simple ones alike."""
    from shlex import quote

    return quote(text.replace(", ", ","))


def unknown_settings(
    settings: Mapping[str, str], used: set[str], parameters: Mapping[str, tuple[str, ...]], roots: set[str]
) -> list[Diagnostic]:
    """An error for each setting that no profile took.

    `parameters` maps profile names to their parameters, `roots` are the profiles that the user named.
    """
    problems = []
    names = dict.fromkeys(name for profile, own in parameters.items() if profile in roots for name in own)
    for setting, value in settings.items():
        if setting in used:
            continue
        profile, dot, name = setting.rpartition(".")
        inside = [other for other, own in parameters.items() if setting in own]
        if dot and profile not in parameters:
            message, hint = f'no profile "{profile}" takes part', suggestion(profile, tuple(parameters))
        elif dot and name in parameters[profile]:
            message, hint = f'"{setting}" is set by the profile that includes it', "change its with, or leave it out"
        elif dot:
            message = f'the profile "{profile}" has no parameter "{name}"'
            hint = suggestion(name, parameters[profile], "its parameters are")
        elif inside:
            message = f'"{setting}" is a parameter of the included profile "{inside[0]}"'
            hint = f"write --set {inside[0]}.{setting}=..."
        else:
            message, hint = f'there is no parameter "{setting}"', suggestion(setting, tuple(names), "there are")
        span = Span("--set", 1, 1, len(setting), f"{setting}={value}")
        problems.append(error(message, span, hint or "there are no parameters"))
    return problems


def condition_holds(reader: ProfileReader, node: Node) -> bool:
    """Whether every line of a `when` holds in this run."""
    section = reader.mapping(node, "when")
    if section is not None and not section.children:
        reader.error(node, "when is empty", "leave it out, or name a parameter")
    holds = True
    for key, value in section.pairs() if section is not None else ():
        parameter = reader.declared.get(key.text)
        if key.text in reader.broken:
            continue
        if parameter is None:
            hint = suggestion(key.text, reader.declared, "the parameters are")
            reader.error(key, f'there is no parameter "{key.text}"', hint)
            continue
        wanted = [_wanted(reader, parameter, child) for child in reader.one_or_more(value, f"when {key.text}")]
        current = reader.values.get(key.text)
        holds = holds and any(_fits(current, text) for text in wanted if text is not None)
    return holds


def _wanted(reader: ProfileReader, parameter: Parameter, node: Node) -> str | None:
    """One value of a condition as text, checked against the parameter's type."""
    scalar = reader.scalar(node, f"when {parameter.name}")
    if scalar is None or scalar.text in ("given", "absent"):
        return scalar.text if scalar is not None else None
    if parameter.type in (Type.ADDRESSES, Type.INTERFACES, Type.PORTS):
        message = f'when {parameter.name}: {parameter.type} are only "given" or "absent", but found {describe(node)}'
        reader.error(node, message)
        return None
    value = parse_value(reader, parameter, node)
    return None if value is None else value.text


def _fits(current: Value | None, wanted: str) -> bool:
    if wanted in ("given", "absent"):
        return (current is None) == (wanted == "absent")
    return current is not None and current.text == wanted
