"""Ignores: comments of every dialect, the project file and profiles; ends, reasons, and what fits nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fwadvisor.errors import FwadvisorError
from fwadvisor.project import load_project
from fwadvisor.review.ignores import comments, of_rows

from .conftest import nft

ID = "shadowed-rule"
WIDE, DEAD = "tcp dport 1-99 accept", "tcp dport 23 drop"
SAID = "fwadvisor: ignore shadowed-rule until 2027-01-31 -- the vendor asks for it"
KNOWN = ("shadowed-rule", "redundant-rule")
HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 1:99 -j ACCEPT\n"
SCRIPT = "#!/bin/sh\niptables -P INPUT DROP\niptables -A INPUT -p tcp --dport 1:99 -j ACCEPT\n"
PF = "block drop in all\npass in quick proto tcp to port 1:99\n"
PS1 = (
    "New-NetFirewallRule -DisplayName a -Direction Inbound -Action Block -Protocol TCP -LocalPort 1-99\n"
    "{}New-NetFirewallRule -DisplayName b -Direction Inbound -Action Allow -Protocol TCP -LocalPort 23\n"
)


@pytest.mark.parametrize(
    "text",
    [
        nft(WIDE, f"# {SAID}", DEAD),
        nft(WIDE, f"# {SAID}", "# and another comment", DEAD),
        nft(WIDE, f"{DEAD} # {SAID}"),
        nft(WIDE, f'{DEAD} comment "{SAID}"'),
        nft(WIDE, f"# {SAID}", "tcp dport 23 \\", "drop"),
        f"{HEAD}# {SAID}\n-A INPUT -p tcp --dport 23 -j DROP\nCOMMIT\n",
        f'{HEAD}-A INPUT -p tcp --dport 23 -m comment --comment "{SAID}" -j DROP\nCOMMIT\n',
        f"{SCRIPT}# {SAID}\niptables -A INPUT -p tcp \\\n  --dport 23 -j DROP\n",
        f"{PF}# {SAID}\nblock in quick proto tcp to port 23\n",
        PS1.format(f"# {SAID}\n"),
    ],
)
def test_a_comment_at_or_above_a_rule_ignores_its_finding(checked, text: str) -> None:
    done = checked({"rules": text}, ID)
    assert not done.findings
    (one,) = done.ignored
    assert (one.finding.id, one.reason, one.until) == (ID, "the vendor asks for it", "2027-01-31")
    shown = checked({"rules": text}, ID, ignoring=False)
    assert [each.id for each in shown.findings] == [ID]
    assert not shown.ignored


@pytest.mark.parametrize(
    "rules",
    [
        (f"# {SAID}", WIDE, DEAD),
        (WIDE, f"# {SAID}", "", DEAD),
        (WIDE, DEAD, f"# {SAID}"),
        (WIDE, f"# {SAID}".replace(ID, "redundant-rule"), DEAD),
    ],
)
def test_a_comment_elsewhere_or_of_another_check_ignores_nothing(checked, rules: tuple[str, ...]) -> None:
    done = checked({"rules": nft(*rules)}, ID, "redundant-rule")
    assert sorted(each.id for each in done.findings) == [ID, "unused-ignore"]
    assert not done.ignored


def test_it_holds_through_its_last_day_and_is_a_finding_afterwards(checked) -> None:
    for until, ids in (
        ("2026-06-01", []),
        ("2026-05-31", [ID, "expired-ignore"]),
        ("2020-01-01", [ID, "expired-ignore"]),
    ):
        text = nft(WIDE, f"# {SAID.replace('2027-01-31', until)}", DEAD)
        done = checked({"rules": text}, ID)
        assert sorted(each.id for each in done.findings) == sorted(ids), until
        if ids:
            expired = next(each for each in done.findings if each.id == "expired-ignore")
            assert (expired.severity.value, expired.span.line) == ("medium", 5)
            assert expired.details == ("its reason was: the vendor asks for it",)
    assert (
        "yesterday, on 2026-05-31"
        in checked({"rules": nft(f"# {SAID.replace('2027-01-31', '2026-05-31')}", DEAD)}, ID).findings[0].message
    )


def test_it_needs_no_end_but_a_reason(checked) -> None:
    text = nft(WIDE, "# fwadvisor: ignore shadowed-rule -- for ever", DEAD)
    assert [(each.reason, each.until) for each in checked({"rules": text}, ID).ignored] == [("for ever", "")]


def test_an_ignore_of_a_check_that_did_not_run_is_not_called_unused(checked) -> None:
    assert not checked({"rules": nft(f"# {SAID}", DEAD)}, "redundant-rule").findings


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("ignore shadow-rule -- x", 'no check is called "shadow-rule"', 'did you mean "shadowed-rule"'),
        ("ignore shadowed-rule", "this comment gives no reason", "YYYY-MM-DD -- reason"),
        ("ignore shadowed-rule --  ", "this comment gives no reason", "YYYY-MM-DD -- reason"),
        ("ignore -- because", "this comment names no check to ignore", "YYYY-MM-DD -- reason"),
        ("ignore shadowed-rule until tomorrow -- x", '"tomorrow" is no day', "YYYY-MM-DD -- reason"),
        ("ignore shadowed-rule until 2026-02-30 -- x", '"2026-02-30" is no day', "YYYY-MM-DD -- reason"),
    ],
)
def test_a_wrong_comment_is_an_error_with_its_place(checked, said: str, message: str, hint: str) -> None:
    with pytest.raises(FwadvisorError) as caught:
        checked({"rules": nft(WIDE, f"# fwadvisor: {said}", DEAD)}, ID)
    (problem,) = caught.value.diagnostics
    assert problem.message == message
    assert hint in problem.hint
    assert problem.span is not None
    assert (problem.span.line, problem.span.column) == (5, 5)


def test_all_wrong_comments_are_told_at_once_and_none_where_nothing_is_ignored(checked) -> None:
    text = nft("# fwadvisor: ignore x -- y", WIDE, "# fwadvisor: ignore shadowed-rule", DEAD)
    with pytest.raises(FwadvisorError) as caught:
        checked({"rules": text}, ID)
    assert len(caught.value.diagnostics) == 2
    assert checked({"rules": text}, ID, ignoring=False).findings


def test_several_ids_and_spellings() -> None:
    text = "a\n#fwadvisor:ignore shadowed-rule,redundant-rule   until 2027-01-31 --  why -- because */\nrule\n"
    (one,) = comments("f", text, KNOWN)
    assert one.ids == ("shadowed-rule", "redundant-rule")
    assert (one.until, one.reason) == (date(2027, 1, 31), "why -- because")
    assert (one.first, one.last) == (3, 3)


@pytest.mark.parametrize(
    "line", ["chain fwadvisor_ignore { }", "x fwadvisor: ignore shadowed-rule", "# fwadvisor: says hello"]
)
def test_other_words_are_no_ignores(line: str) -> None:
    assert comments("f", f"{line}\n", KNOWN) == []


def project(folder: Path, text: str):
    (folder / "fwadvisor.yaml").write_text(text)
    return of_rows(load_project(folder).ignores, KNOWN)


@pytest.mark.parametrize(
    ("row", "ignored"),
    [
        ("id: shadowed-rule", True),
        ("id: [redundant-rule, shadowed-rule]", True),
        ("id: redundant-rule", False),
        ("{id: shadowed-rule, at: '*/rules'}", True),
        ("{id: shadowed-rule, at: '*/rules:5'}", True),
        ("{id: shadowed-rule, at: '*/rules:6'}", False),
        ("{id: shadowed-rule, at: '*.nft'}", False),
        ("{id: shadowed-rule, rule: 'tcp   dport 23 drop'}", True),
        ("{id: shadowed-rule, rule: 'tcp dport * drop'}", True),
        ("{id: shadowed-rule, rule: 'tcp dport 23'}", False),
    ],
)
def test_rows_of_a_project_name_rules_by_line_and_place(checked, tmp_path: Path, row: str, ignored: bool) -> None:
    row = row.replace("}", ", reason: we know}") if row.startswith("{") else f"{row}\n    reason: we know"
    (tmp_path / "fwadvisor.yaml").write_text(f"ignores:\n  - {row}\n")
    done = checked({"rules": nft(WIDE, DEAD)}, ID, "redundant-rule", ignores=load_project(tmp_path).ignores)
    assert bool(done.ignored) is ignored
    assert [each.id for each in done.findings] == ([] if ignored else [ID, "unused-ignore"])
    if not ignored:
        assert done.findings[1].span.file.endswith("fwadvisor.yaml")


def test_a_row_needs_an_id_that_there_is_and_a_reason(tmp_path: Path) -> None:
    for text, message in (
        ("ignores: [{id: shadowed-rule}]", 'an ignore needs the field "reason"'),
        ("ignores: [{reason: x}]", 'an ignore needs the field "id"'),
        ("ignores: [{id: shadow, reason: x}]", 'no check is called "shadow"'),
        ("ignores: [{id: shadowed-rule, reason: x, until: soon}]", "until is a day as YYYY-MM-DD"),
        ("ignores: [{id: shadowed-rule, reason: x, untill: 2027-01-01}]", 'an ignore has no field "untill"'),
        ("ignores: []", "ignores is empty"),
        ("ignores: [{id: [], reason: x}]", "id is empty"),
        ("ignores: yes", "an ignore has fields"),
    ):
        with pytest.raises(FwadvisorError) as caught:
            project(tmp_path, f"{text}\n")
        assert any(message in each.message for each in caught.value.diagnostics), caught.value
        assert all(each.span is not None for each in caught.value.diagnostics)


def test_profiles_ignore_too(checked, tmp_path: Path) -> None:
    (tmp_path / "guard.yaml").write_text(
        "profile: guard\ntitle: Guard\nnever: [{flow: tcp 9999, from: any, to: self}]\n"
        "ignores: {id: shadowed-rule, reason: agreed, until: 2027-01-31}\n"
    )
    done = checked({"rules": nft(WIDE, DEAD)}, ID, wanted={"guardrails": [str(tmp_path / "guard.yaml")]})
    assert not done.findings
    assert [each.reason for each in done.ignored] == ["agreed"]
