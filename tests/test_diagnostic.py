"""Messages for people."""

import io

from fwadvisor.diagnostic import (
    Color,
    Label,
    Severity,
    Span,
    did_you_mean,
    error,
    printable,
    render,
    use_color,
    warning,
)


def test_place_line_caret_and_hint():
    span = Span("p.yaml", 3, 7, 4, "flow: ttcp 80")
    text = render(error('unknown transport "ttcp"', span, 'did you mean "tcp"?'))
    assert text.splitlines() == [
        'p.yaml:3:7: error: unknown transport "ttcp"',
        "    3 | flow: ttcp 80",
        "      |       ^^^^",
        '  hint: did you mean "tcp"?',
    ]


def test_second_place():
    one, two = Span("a.yaml", 1, 1, 1, "need"), Span("b.yaml", 9, 3, 2, "  never")
    lines = render(error("they meet", one, "", Label(two, "the guardrail"))).splitlines()
    assert "  b.yaml:9:3: the guardrail" in lines
    assert lines[-1] == "      |   ^^"


def test_long_lines_are_cut_around_the_caret():
    source = "x" * 5000 + "HERE" + "y" * 5000
    lines = render(error("odd", Span("f", 1, 5001, 4, source))).splitlines()
    start = lines[2].index("^")
    assert lines[1][start : start + 4] == "HERE"
    assert max(map(len, lines)) < 200


def test_hostile_text_cannot_forge_output():
    text = render(error("bad \x1b[31m \u202e name\nerror: forged", Span("f\x07.yaml", 1, 1, 1, "\x1b]0;x\x07\u2066")))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()) == 3
    assert printable("tab\tstays") == "tab\tstays"


def test_colour_is_one_decision(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert use_color(Terminal())
    assert not use_color(io.StringIO())
    assert use_color(io.StringIO(), Color.ALWAYS)
    assert not use_color(Terminal(), Color.NEVER)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not use_color(Terminal())


def test_colour_only_where_wanted():
    assert "\x1b[" in render(warning("look"), color=True)
    assert "\x1b[" not in render(warning("look"))
    assert warning("look").severity is Severity.WARNING


def test_did_you_mean():
    assert did_you_mean("netmeting", ["netmeeting", "h323"]) == 'did you mean "netmeeting"?'
    assert did_you_mean("zzzz", ["netmeeting"]) == ""
