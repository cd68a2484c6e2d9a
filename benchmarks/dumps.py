"""Builds dumps of three gateways as ufw, firewalld and shorewall load them, and reports what reading them says.

    python benchmarks/dumps.py DIRECTORY [--rules 1500] [--no-build] [--samples 2000] [--json FILE]

Building needs root and the packages ufw, firewalld, shorewall, shorewall6, iptables, nftables and dbus. Each gateway is
loaded in a network and mount namespace of its own, so that nothing of this machine changes; what stands in the kernel
is then saved with iptables-save, ip6tables-save and ``nft list ruleset``. The configurations are seeded.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gateways
from measuring import Command, machine_line, progress, report, run, seconds, table

#: What is read together: the dialect, and the files.
DUMPS = {
    "ufw": ("iptables", ("ufw.save", "ufw6.save")),
    "firewalld, nftables": ("nftables", ("firewalld.nft",)),
    "firewalld, iptables": ("iptables", ("firewalld.save", "firewalld6.save", "firewalld.ipset")),
    "shorewall": ("iptables", ("shorewall.save",)),
    "shorewall6": ("iptables", ("shorewall6.save",)),
}

#: Rules of each gateway for one of `--rules`.
_SHARE = {"ufw": 1.0, "firewalld": 3.3, "shorewall": 2.6, "shorewall6": 1.0}

#: What the scripts below have in common: four interfaces, and directories that only the namespace sees.
_PREPARE = """
set -e
ip link set lo up
for each in INTERFACES; do ip link add $each type veth peer name peer-$each; ip link set $each up; done
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/lock
folder=$1
""".replace("INTERFACES", " ".join(gateways.INTERFACES))

#: ufw does one command in a process; this does many, as its own program would.
_UFW_COMMANDS = """
import gettext, sys
sys.argv = ["/usr/sbin/ufw"]
gettext.install("ufw")
import ufw.frontend
front = ufw.frontend.UFWFrontend(False)
for line in sys.stdin:
    parsed = ufw.frontend.parse_command(["ufw", *line.split()])
    rule = parsed.data.get("rule", "")
    front.do_action(parsed.action, rule, parsed.data.get("iptype", ""), parsed.force)
"""

_UFW = """
mkdir $folder/etc && cp -a /etc/ufw/. $folder/etc && mount --bind $folder/etc /etc/ufw
mkdir $folder/lib && cp -a /usr/share/ufw/iptables/. $folder/lib
cp $folder/lib/user.rules $folder/lib/user6.rules $folder/etc
/usr/bin/python3 -c "$2" < $folder/commands > $folder/log 2>&1
ufw --force enable >> $folder/log 2>&1
iptables-save > $folder/../ufw.save
ip6tables-save > $folder/../ufw6.save
"""

_FIREWALLD = """
mount --bind $folder/etc /etc/firewalld
dbus-daemon --system --nofork --nopidfile > $folder/log 2>&1 & bus=$!
while [ ! -S /run/dbus/system_bus_socket ]; do sleep 0.1; done
firewalld --nofork --nopid --log-file=$folder/firewalld.log >> $folder/log 2>&1 & daemon=$!
tries=0
until firewall-cmd --state >> $folder/log 2>&1; do
    tries=$((tries + 1)); [ $tries -lt 300 ] || exit 1; sleep 0.5
done
if [ $2 = nftables ]; then
    nft list ruleset > $folder/../firewalld.nft
else
    iptables-save > $folder/../firewalld.save
    ip6tables-save > $folder/../firewalld6.save
    ipset save > $folder/../firewalld.ipset
fi
kill $daemon; wait $daemon || true
kill $bus; wait $bus || true
"""

_SHOREWALL = """
mkdir -p /run/shorewall /run/shorewall6
mount -t tmpfs tmpfs /var/lib/$2
echo 1 > /proc/sys/net/ipv4/ip_forward
$2 compile $folder/etc $folder/compiled > $folder/log 2>&1
$folder/compiled start >> $folder/log 2>&1
$3-save > $folder/../$2.save
"""


def _isolated(script: str, folder: Path, *arguments: str) -> None:
    """Run a script in namespaces of its own.

    Raises:
        SystemExit: it failed; the log says why.
    """
    command = ("unshare", "-n", "-m", "sh", "-c", _PREPARE + script, "sh", str(folder), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        log = folder / "log"
        text = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        sys.exit(f"{folder.name}: {done.stderr}\n{text}")


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def build(folder: Path, size: int) -> None:
    """Build every dump under `folder`; the directories beside them keep configurations and logs.

    Raises:
        SystemExit: a gateway cannot be loaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ufw", "firewalld-nftables", "firewalld-iptables", "shorewall", "shorewall6"):
        progress(f"building {name}")
        shutil.rmtree(folder / name, ignore_errors=True)
        tool, _, backend = name.partition("-")
        _BUILDERS[tool](folder / name, int(size * _SHARE[tool]), backend)


def _ufw(folder: Path, size: int, _: str) -> None:
    _write(folder, {"commands": "\n".join(gateways.ufw(size)) + "\n"})
    _isolated(_UFW, folder, _UFW_COMMANDS)


def _firewalld(folder: Path, size: int, backend: str) -> None:
    for each in ("helpers", "icmptypes", "services", "zones", "policies", "ipsets"):
        (folder / "etc" / each).mkdir(parents=True)
    _write(folder / "etc", gateways.firewalld(size, backend))
    _isolated(_FIREWALLD, folder, backend)


def _shorewall(folder: Path, size: int, _: str) -> None:
    tool = folder.name
    family = 6 if tool.endswith("6") else 4
    _write(folder / "etc", gateways.shorewall(size, family))
    shutil.copy(f"/etc/{tool}/{tool}.conf", folder / "etc")
    _isolated(_SHOREWALL, folder, tool, "ip6tables" if family == 6 else "iptables")


_BUILDERS: dict[str, Callable[[Path, int, str], None]] = {
    "ufw": _ufw,
    "firewalld": _firewalld,
    "shorewall": _shorewall,
    "shorewall6": _shorewall,
}


def read(folder: Path, samples: int) -> tuple[str, dict[str, Any]]:
    """What reading and computing the dumps comes to, as tables and figures."""
    found: dict[str, dict[str, Any]] = {}
    rows, parts, notes = [], [], []
    for name, (dialect, files) in DUMPS.items():
        progress(f"reading {name}")
        answer = found[name] = _answer(dialect, samples, [folder / file for file in files])
        counts = [str(answer[each]) for each in ("rules", "chains", "conditions")]
        rows.append([name, *counts, str(sum(answer["opaque"].values())), seconds(answer["read"]), answer["memory"]])
        notes += [f"{name}: {count} opaque: {reason}" for reason, count in answer["opaque"].items()]
        for place, each in answer["parts"].items():
            if "failed" in each:
                notes.append(f"{name}: {place}: {each['failed']}")
                continue
            verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(each["verdicts"].items()))
            alike = f"{each['sampled'] - each['disagree']} of {each['sampled']}"
            depends = str(each["depends on"])
            parts.append([f"{name}: {place}", seconds(each["seconds"]), str(each["nodes"]), depends, alike, verdicts])
            notes += [f"{name}: {place}: the walk disagrees about {packet}" for packet in each["wrong"]]
    text = table(("dump", "rules", "chains", "conditions", "opaque", "read in", "peak"), rows)
    head = ("packets", "built in", "nodes", "conditions", "as the walk", "verdicts of the walk")
    return "\n\n".join((text, table(head, parts), "\n".join(notes))), found


def _answer(dialect: str, samples: int, files: list[Path]) -> dict[str, Any]:
    script = str(Path(__file__).with_name("dumped.py"))
    with tempfile.NamedTemporaryFile() as output:
        arguments = (sys.executable, script, dialect, str(samples), *map(str, files))
        _, _, memory = run(Command(arguments, output=output.name))
        return {**json.loads(Path(output.name).read_text()), "memory": f"{memory:.0f} MB"}


def main() -> None:
    """Build and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rules", type=int, default=1500, help="about so many rules of the smallest gateway")
    parser.add_argument("--no-build", action="store_true", help="only read what an earlier run has built")
    parser.add_argument("--samples", type=int, default=2000, help="packets of each hook and IP version")
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the tables')
    options = parser.parse_args()
    folder = options.directory.resolve()
    if not options.no_build:
        build(folder, options.rules)
    text, figures = read(folder, options.samples)
    report(f"{machine_line()}\n\n{text}", figures, options.json)


if __name__ == "__main__":
    main()
