"""Windows Firewall rules: scripts, exports, registry files."""
