"""Conversations that negotiate ports, held against written rules: what passes when, by which rule, and what ends it.

How programs talk is data (`fwadvisor/ports/data/calls.yaml`). Each message is turned into the packet that a policy's
own parties would send, and that packet is asked of the rules as they were written and read back, so that nothing here
is said by hand.
"""
