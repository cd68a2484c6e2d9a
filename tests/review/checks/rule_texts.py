"""Whole small firewalls in every dialect, around the rules that a test is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def iptables(*rules: str, policy: str = "DROP", forward: str = "DROP", output: str = "ACCEPT", raw: str = "") -> str:
    """A saved filter table whose input begins with loopback and known connections."""
    head = f"*filter\n:INPUT {policy} [0:0]\n:FORWARD {forward} [0:0]\n:OUTPUT {output} [0:0]\n"
    first = "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    return raw + head + first + "".join(f"{rule}\n" for rule in rules) + "COMMIT\n"


def nftables(*rules: str, policy: str = "drop", before: str = "", more: str = "") -> str:
    """An inet table whose input begins with loopback, known connections and what IPv6 needs."""
    first = ('iifname "lo" accept', "ct state established,related accept",
             "icmpv6 type { 1, 2, 3, 4, 133, 134, 135, 136 } accept")  # fmt: skip
    lines = "".join(f"\t\t{rule}\n" for rule in (*first, *rules))
    head = f"table inet x {{\n{before}\tchain input {{\n\t\ttype filter hook input priority 0; policy {policy};\n"
    return f"{head}{lines}\t}}\n{more}}}\n"


def pf(*rules: str, first: str = "block all") -> str:
    """Rules of pf that close by default, and let out what begins here."""
    return "\n".join(("set skip on lo", first, *rules, "pass out all", ""))


def windows(*rules: str, default: str = "Block") -> str:
    """Commands that add rules, after the defaults."""
    defaults = "Set-NetFirewallProfile -Profile Domain,Private,Public -Enabled True "
    lines = (f"{defaults}-DefaultInboundAction {default} -DefaultOutboundAction Allow", *rules)
    return "".join(f"{line}\n" for line in lines)


def allow(name: str, more: str) -> str:
    """A rule of Windows that allows something in."""
    return f"New-NetFirewallRule -Name {name} -DisplayName {name} -Direction Inbound -Action Allow {more}"


#: Dialect -> a firewall that lets everybody in to a TCP port.
OPEN: Mapping[str, Callable[[int], str]] = {
    "iptables": lambda port: iptables(f"-A INPUT -p tcp --dport {port} -j ACCEPT"),
    "nftables": lambda port: nftables(f"tcp dport {port} accept"),
    "pf": lambda port: pf(f"pass in proto tcp to self port {port}"),
    "windows": lambda port: windows(allow("x", f"-Protocol TCP -LocalPort {port}")),
}
#: Dialect -> a firewall that lets some addresses in to a TCP port.
LIMITED: Mapping[str, Callable[[int, str], str]] = {
    "iptables": lambda port, source: iptables(f"-A INPUT -s {source} -p tcp --dport {port} -j ACCEPT"),
    "nftables": lambda port, source: nftables(f"ip saddr {source} tcp dport {port} accept"),
    "pf": lambda port, source: pf(f"pass in proto tcp from {source} to self port {port}"),
    "windows": lambda port, source: windows(allow("x", f"-Protocol TCP -LocalPort {port} -RemoteAddress {source}")),
}
