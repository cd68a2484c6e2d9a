"""Edits of rule files, and how a review of them is held against packets."""

from . import kinds_chains, kinds_rules, kinds_values
from .files import samples
from .judging import judged
from .kinds import KINDS

__all__ = ["KINDS", "judged", "kinds_chains", "kinds_rules", "kinds_values", "samples"]
