"""Characters and tokens of PowerShell (language specification, chapter 2)."""

from __future__ import annotations

import re

#: All that count as single quotes, double quotes and dashes.
SINGLE = "'\u2018\u2019\u201a\u201b"
DOUBLE = '"\u201c\u201d\u201e'
DASH = "-\u2013\u2014\u2015"
_BLANK = r" \t\f\v\x85\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"

#: Blanks, continued lines and comments; with line ends and semicolons too.
BLANKS = re.compile(rf"(?:[{_BLANK}]++|`(?:\r\n|\n|\r)|<#[\s\S]*?#>|#[^\r\n]*+)*+")
LINES = re.compile(rf"(?:[{_BLANK}\r\n;]++|`(?:\r\n|\n|\r)|<#[\s\S]*?#>|#[^\r\n]*+)*+")
#: The same without semicolons, where only one expression may stand.
NEWLINES = re.compile(rf"(?:[{_BLANK}\r\n]++|`(?:\r\n|\n|\r)|<#[\s\S]*?#>|#[^\r\n]*+)*+")

SINGLE_QUOTED = re.compile(rf"[{SINGLE}]((?:[^{SINGLE}]++|[{SINGLE}]{{2}})*+)[{SINGLE}]")
DOUBLED = re.compile(rf"([{SINGLE}])[{SINGLE}]")
#: What a double-quoted text cannot go on over.
IN_DOUBLE = re.compile(rf"[^{DOUBLE}`$]++")
HERE = re.compile(rf"@([{SINGLE}{DOUBLE}])[{_BLANK}]*(?:\r\n|\n|\r)")
HERE_END_SINGLE = re.compile(rf"(?:\r\n|\n|\r)[{SINGLE}]@")
HERE_END_DOUBLE = re.compile(rf"(?:\r\n|\n|\r)[{DOUBLE}]@")

VARIABLE = re.compile(r"\$(?:\{([^}]+)\}|((?:[A-Za-z_]\w*:)?\w+)|([$?^]))")
SPLAT = re.compile(r"@((?:[A-Za-z_]\w*:)?[A-Za-z_]\w*)")
NUMBER = re.compile(
    r"(?:0[xX]([0-9a-fA-F]{1,16})|([0-9]{1,30}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?))([lLdD]?)([kKmMgGtT][bB])?"
)
UNITS = {"": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
WORD = re.compile(r"[A-Za-z_][\w]*")
TYPE = re.compile(r"\[[ \t]*([A-Za-z_][\w.+]*(?:\[[\w., \t\[\]]*\])?)[ \t]*\]")
ATTRIBUTE = re.compile(r"\[[ \t]*[A-Za-z_][\w.]*[ \t]*\(")
PARAMETER = re.compile(rf"[{DASH}]([A-Za-z_?][\w]*)(:?)")
OPERATOR = re.compile(rf"[{DASH}]([A-Za-z]+)(?![\w])")
ASSIGN = re.compile(r"=(?!=)|[-+*/%]=|\?\?=")
#: Where the word of a command or an argument ends.
BAREWORD = re.compile(rf"[^{_BLANK}\r\n;|&(){{}},<>{SINGLE}{DOUBLE}`$]++")
REDIRECTION = re.compile(r"(?:[0-9*]?>>?(?:&[0-9])?|<)")
#: A plain member of a hashtable, which most are: Name = 'text' or Name = 'one', 'two'.
_PLAIN = rf"'[^{SINGLE}\r\n]*+'"
MEMBER = re.compile(rf"[ \t\r\n;]*+([A-Za-z_]\w*+)[ \t]*+=[ \t]*+({_PLAIN}(?:,[ \t]*+{_PLAIN})*+)[ \t]*+(?=[;\r\n}}])")

ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}  # fmt: skip
