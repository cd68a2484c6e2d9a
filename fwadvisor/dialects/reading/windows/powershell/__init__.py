"""PowerShell scripts, as far as they can be read without running them.

`script` makes nodes of the text; `expressions`, `statements` and `commands` carry them out on a machine that has no
rules yet. What depends on anything else (the machine, files, the user) is `values.Unknown`; where that decides whether
a rule exists or what it says, the rule gets a condition that is not understood.
"""
