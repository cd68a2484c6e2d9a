"""Recommend firewall rules from policy profiles, and review changes to them."""

__version__ = "0.1.0"
