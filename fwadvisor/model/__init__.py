"""The vocabulary: packets, rules and policies. Frozen, and the standard library only."""
