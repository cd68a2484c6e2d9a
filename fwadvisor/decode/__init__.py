"""YAML files as nodes with places, and a reader that reports every problem of a file in one run."""

from fwadvisor.decode.nodes import (
    DEEPEST_NESTING,
    LARGEST_FILE,
    Document,
    Mapping,
    Node,
    Scalar,
    Sequence,
    decode,
    load,
    uncollected,
)
from fwadvisor.decode.reader import Reader, describe

__all__ = [
    "DEEPEST_NESTING",
    "LARGEST_FILE",
    "Document",
    "Mapping",
    "Node",
    "Reader",
    "Scalar",
    "Sequence",
    "decode",
    "describe",
    "load",
    "uncollected",
]
