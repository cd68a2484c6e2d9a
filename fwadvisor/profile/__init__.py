"""Profiles: YAML policy documents, read with every mistake in its place, into one `Policy`."""

from fwadvisor.profile.loader import LoadedPolicy, load_policy

__all__ = ["LoadedPolicy", "load_policy"]
