"""Review: what a change of rules does to traffic, how bad that is, and what is wrong with rules that stand.

Everything here computes; `fwadvisor.report` shows it.
"""
