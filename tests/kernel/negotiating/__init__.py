"""Minimal conversations of protocols that agree on ports, as connection-tracking helpers read them."""
