"""Proofs: whether rule files, and what a policy asks, are the same sets of packets."""
