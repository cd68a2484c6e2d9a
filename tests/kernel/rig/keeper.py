"""The process that owns the network namespaces; run by path, standard library only.

It talks over a stream socket whose descriptor is its first argument: a length and JSON each way, then one byte that
carries a descriptor where a socket was asked for. A namespace lives as long as this process or a socket in it,
and the process ends when the other side closes, so nothing is ever left behind. No mounts, no /run, no names.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def enter_new_network(rootless: bool) -> None:
    """Move into a new network namespace, taking a new user namespace along where privileges are missing.

    Going back to the network that the process came from is refused later in the second case, so that the
    first namespace must be a new one as well.
    """
    if not rootless and _libc.unshare(CLONE_NEWNET) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNET), "unshare(CLONE_NEWUSER | CLONE_NEWNET)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


class Keeper:
    """Namespaces by name, and what can be done inside them."""

    def __init__(self, scratch: str, rootless: bool) -> None:
        self._rootless = rootless
        self._places: dict[str, int] = {}
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/sbin:/sbin:" + os.environ.get("PATH", "/usr/bin:/bin"),
            "LC_ALL": "C",
            "HOME": scratch,
            "XTABLES_LOCKFILE": f"{scratch}/xtables.lock",
        }

    def do_place(self, name: str) -> str:
        """Create a namespace and answer the path by which `ip link set ... netns` finds it."""
        enter_new_network(self._rootless and not self._places)
        descriptor = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._places[name] = descriptor
        return f"/proc/{os.getpid()}/fd/{descriptor}"

    def do_run(self, place: str, argv: list[str], text: str) -> list[Any]:
        """Run a command in a namespace."""
        self._enter(place)
        done = subprocess.run(argv, input=text.encode(), capture_output=True, env=self._environment, check=False)
        return [done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")]

    def do_settings(self, place: str, values: dict[str, str]) -> None:
        """Write kernel settings of a namespace, named by their path under /proc/sys/net."""
        self._enter(place)
        for name, value in values.items():
            Path("/proc/sys/net", name).write_text(value + "\n")

    def do_socket(self, place: str, kind: list[int], options: list[list[Any]], first: list[str]) -> socket.socket:
        """Open a socket in a namespace; an option value is a number or hexadecimal text.

        Each of the `first` messages is sent, and answered with an acknowledgement, before the socket is handed over.
        """
        self._enter(place)
        made = socket.socket(*kind)
        for level, option, value in options:
            made.setsockopt(level, option, bytes.fromhex(value) if isinstance(value, str) else value)
        for message in first:
            made.send(bytes.fromhex(message))
            answer = made.recv(4096)
            code = struct.unpack_from("=i", answer, 16)[0]
            if code:
                raise OSError(-code, f"netlink: {os.strerror(-code)}")
        return made

    def _enter(self, place: str) -> None:
        _check(_libc.setns(self._places[place], CLONE_NEWNET), f"setns to {place}")


def _read_exactly(link: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = link.recv(min(length - len(parts), 1 << 20))
        if not part:
            raise SystemExit(0)
        parts += part
    return bytes(parts)


def serve(link: socket.socket, keeper: Keeper) -> None:
    """Answer requests until the other side closes."""
    while True:
        length = struct.unpack("!I", _read_exactly(link, 4))[0]
        operation, arguments = json.loads(_read_exactly(link, length))
        passed: socket.socket | None = None
        try:
            result = getattr(keeper, f"do_{operation}")(*arguments)
            if isinstance(result, socket.socket):
                passed, result = result, None
            answer = {"result": result, "descriptor": passed is not None}
        except OSError as problem:
            answer = {"errno": problem.errno, "error": str(problem)}
        body = json.dumps(answer).encode()
        link.sendall(struct.pack("!I", len(body)) + body)
        if passed is not None:
            socket.send_fds(link, [b"."], [passed.fileno()])
            passed.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="fwadvisor-rig-") as folder:
        serve(socket.socket(fileno=int(sys.argv[1])), Keeper(folder, "rootless" in sys.argv))
