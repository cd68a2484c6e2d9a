"""New rules in the words of each dialect, and where a chain takes them."""

from __future__ import annotations

from random import Random

from .files import Rule, Sample

TOP, BOTTOM = "top", "bottom"
_VERDICTS = {
    "nftables": {"accept": "accept", "drop": "drop", "reject": "reject"},
    "iptables": {"accept": "ACCEPT", "drop": "DROP", "reject": "REJECT", "return": "RETURN"},
    "pf": {"accept": "pass", "drop": "block drop", "reject": "block return"},
    "windows": {"accept": "Allow", "drop": "Block"},
}


def rule(
    dialect: str, chain: str, verdict: str, *, source: str = "", protocol: str = "", port: str = "", more: str = ""
) -> str | None:
    """One rule; None where the dialect has no such verdict. `more` is text of the dialect: matches."""
    match dialect:
        case "nftables":
            family = "ip6" if ":" in source else "ip"
            parts = [f"{family} saddr {source}" if source else "", f"{protocol} dport {port}" if port else "", more]
            if protocol and not port:
                parts.append(f"meta l4proto {protocol}")
            return "\t\t" + " ".join([*filter(None, parts), verdict])
        case "iptables":
            parts = [f"-s {source}" if source else "", f"-p {protocol}" if protocol else ""]
            parts += [f"-m {protocol} --dport {port}" if port else "", more]
            return " ".join([f"-A {chain}", *filter(None, parts), f"-j {_VERDICTS[dialect].get(verdict, verdict)}"])
        case "pf":
            if verdict not in _VERDICTS[dialect]:
                return None
            ends = f"from {source or 'any'} to any" + (f" port {port}" if port else "")
            proto = f"proto {protocol} " if protocol else ""
            return f"{_VERDICTS[dialect][verdict]} {chain} quick {more + ' ' if more else ''}{proto}{ends}"
        case _:
            if verdict not in _VERDICTS[dialect]:
                return None
            way = "LocalPort" if chain == "Inbound" else "RemotePort"
            parts = [f"Name = 'new-{chain}'", f"Direction = '{chain}'", f"Action = '{_VERDICTS[dialect][verdict]}'"]
            parts += [f"Protocol = '{protocol.upper()}'"] if protocol else []
            parts += [f"{way} = '{port}'"] if port else []
            parts += [f"RemoteAddress = '{source}'"] if source else []
            return "    @{ " + "; ".join([*parts, *([more] if more else []), "DisplayName = 'new'"]) + " }"


def place(sample: Sample, rules: list[Rule], where: str | int) -> int:
    """The line before which a rule of the chain goes; in pf after the rules that are no last word."""
    if where == BOTTOM:
        return rules[-1].at + 1
    if where == TOP:
        first = [each for each in rules if sample.dialect != "pf" or " quick " in each.text] or rules
        return first[0].at
    return rules[int(where)].at


def added(sample: Sample, dice: Random, where: str, verdict: str, **spec: str) -> Sample | None:
    """The sample with one more rule in one of its chains."""
    chains = [each for each in sample.chains().items() if not each[0][1].startswith(("FWA-SRC", "FWA-DST"))]
    (file, chain), rules = dice.choice(chains)
    if file.endswith("v6") and "." in spec.get("source", ""):
        spec["source"] = "2001:db8:77::/48"
    line = rule(sample.dialect, chain, verdict, **spec)
    if line is None:
        return None
    at = place(sample, rules, where)
    return sample.put(file, at, at, [line])
