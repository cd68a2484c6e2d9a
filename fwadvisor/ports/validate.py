"""Checks."""
def validate(values, registry):
    return []
