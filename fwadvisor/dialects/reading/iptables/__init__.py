"""iptables-save, restore files, ``iptables -S`` and scripts of plain commands, with ``ipset save`` files."""
