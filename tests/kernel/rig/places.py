"""Network namespaces as places: run commands and open sockets there, from a process that stays outside."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class RigError(Exception):
    """The instrument failed, which says nothing about the rules."""


class NotPermittedError(RigError):
    """This system does not let the process have network namespaces, or lacks the commands."""


#: What commands say -> what an ordinary user's own namespace does not allow.
_ONLY_ROOT = {
    "Message too long": "only root loads rulesets of this size (net.core.wmem_default limits what is sent at once)",
    "ip_tables_names: Permission denied": "only root may list the tables of iptables-legacy",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class Places:
    """A set of network namespaces and the process that keeps them; a context manager.

    `rootless` makes root do without its privileges, as an ordinary user has to.
    """

    def __init__(self, *, rootless: bool = False) -> None:
        self._link, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    str(Path(__file__).with_name("keeper.py")),
                    str(theirs.fileno()),
                    *(["rootless"] * rootless),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.paths: dict[str, str] = {}

    def __enter__(self) -> Places:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the keeper; the namespaces vanish with the last socket in them."""
        self._link.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def add(self, name: str) -> None:
        """Create a namespace.

        Raises:
            NotPermittedError: the system refuses.
        """
        try:
            self.paths[name] = self._ask("place", name)
        except OSError as problem:
            raise NotPermittedError(f"no network namespace can be made here: {problem}") from problem

    def run(self, place: str, argv: Sequence[str], text: str = "") -> Finished:
        """Run a command there with `text` as its standard input.

        Raises:
            NotPermittedError: there is no such command.
        """
        try:
            return Finished(*self._ask("run", place, list(argv), text))
        except FileNotFoundError as problem:
            raise NotPermittedError(f"command not found: {argv[0]}") from problem

    def must(self, place: str, argv: Sequence[str], text: str = "") -> str:
        """Run a command that has to succeed, and return its output.

        Raises:
            RigError: it did not.
            NotPermittedError: it did not because only root of the whole system may do so.
        """
        done = self.run(place, argv, text)
        for sign, meaning in _ONLY_ROOT.items():
            if done.code and sign in done.stderr:
                raise NotPermittedError(f"{' '.join(argv)}: {meaning}")
        if done.code:
            raise RigError(f"{' '.join(argv)} in {place} ended with {done.code}:\n{done.stderr}")
        return done.stdout

    def ip(self, place: str, *lines: str, family: str = "-0") -> None:
        """Run lines of `ip -batch`."""
        family_option = [] if family == "-0" else [family]
        self.must(place, ["ip", *family_option, "-batch", "-"], "\n".join(lines) + "\n")

    def settings(self, place: str, values: Mapping[str, str]) -> None:
        """Write kernel settings, named by their path under /proc/sys/net."""
        self._ask("settings", place, dict(values))

    def socket(
        self,
        place: str,
        family: int,
        kind: int,
        protocol: int = 0,
        options: Sequence[tuple[int, int, int | bytes]] = (),
        first: Sequence[bytes] = (),
    ) -> socket.socket:
        """A socket that lives in a namespace and is used from here.

        Privileged options and netlink messages (`first`) are carried out by the keeper.
        """
        encoded = [(a, b, c.hex() if isinstance(c, bytes) else c) for a, b, c in options]
        self._ask("socket", place, [family, kind, protocol], encoded, [message.hex() for message in first])
        return self._received

    def _ask(self, operation: str, *arguments: object) -> Any:
        body = json.dumps([operation, arguments]).encode()
        try:
            self._link.sendall(struct.pack("!I", len(body)) + body)
            answer = json.loads(self._read_exactly(struct.unpack("!I", self._read_exactly(4))[0]))
        except ConnectionError as problem:
            raise RigError("the process that keeps the namespaces is gone") from problem
        if "error" in answer:
            raise OSError(answer["errno"], answer["error"])
        if answer["descriptor"]:
            _, descriptors, _, _ = socket.recv_fds(self._link, 1, 1)
            self._received = socket.socket(fileno=descriptors[0])
        return answer["result"]

    def _read_exactly(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = self._link.recv(length - len(parts))
            if not part:
                raise ConnectionError("closed")
            parts += part
        return bytes(parts)
