"""Chromium for tests, by the DevTools protocol over two pipes: pages at any width, screenshots, and its complaints.

Only the standard library: the protocol is JSON with a zero byte after each message, on file descriptors 3 and 4 of the
browser (--remote-debugging-pipe). Nothing listens on a port.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 30.0


def found() -> str | None:
    """The browser, or None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """A running browser without windows."""

    def __init__(self, program: str, folder: Path) -> None:
        to_browser, ours_out = os.pipe()
        ours_in, from_browser = os.pipe()
        self._out, self._in = ours_out, ours_in
        self._number = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        options = [
            "--headless=new", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={folder}",
            "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync",
            "--disable-component-update", "--disable-default-apps", "--no-default-browser-check", "--mute-audio",
            "--hide-scrollbars", "--force-color-profile=srgb", "--disable-dev-shm-usage",
        ]  # fmt: skip
        if os.geteuid() == 0:
            # Its sandbox refuses to work for root, as in containers.
            options.append("--no-sandbox")

        def place() -> None:
            """File descriptors 3 and 4, by way of numbers that are out of the way."""
            high = [os.dup2(fd, number) for fd, number in ((to_browser, 100), (from_browser, 101))]
            for fd, number in zip(high, (3, 4), strict=True):
                os.dup2(fd, number)

        self._process = subprocess.Popen(
            [program, *options, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=place,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)

    def close(self) -> None:
        """End it, and wait for its end."""
        try:
            self.call("Browser.close")
            self._process.wait(10)
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """One command and its result.

        Raises:
            RuntimeError: the browser refuses it, or does not answer.
        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _SECONDS
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait(self, method: str, session: str) -> None:
        """Wait for an event.

        Raises:
            RuntimeError: it does not come.
        """
        deadline = time.monotonic() + _SECONDS
        while not any(each.get("method") == method and each.get("sessionId") == session for each in self.events):
            self.events.append(self._message(deadline))

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError("the browser does not answer")
            self._rest += data
        message, self._rest = self._rest.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(message)
        return answer

    @contextmanager
    def page(
        self, path: Path, width: int = 1280, height: int = 900, dark: bool = False, media: str = ""
    ) -> Iterator[Page]:
        """A file, loaded at a width; `media` "print" shows it as it is printed."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            session,
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 700,
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", session, media=media, features=features)
        self.call("Page.navigate", session, url=path.resolve().as_uri())
        self.wait("Page.loadEventFired", session)
        try:
            yield Page(self, session)
        finally:
            self.call("Target.closeTarget", targetId=target)


class Page:
    """One page of a browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript, which the protocol runs whatever the page's policy is.

        Raises:
            RuntimeError: it throws.
        """
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """What the console and the log say: errors, warnings, refusals by the policy."""
        self.ask("1")
        said = []
        for event in self._browser.events:
            if event.get("sessionId") != self._session:
                continue
            parameters = event.get("params", {})
            match event.get("method"):
                case "Log.entryAdded":
                    said.append(f"{parameters['entry']['level']}: {parameters['entry']['text']}")
                case "Runtime.consoleAPICalled":
                    said.append(f"console: {parameters['args']}")
                case "Runtime.exceptionThrown":
                    said.append(f"exception: {parameters['exceptionDetails']}")
        return said

    def requests(self) -> list[str]:
        """Everything that the page asked for."""
        self.ask("1")
        return [
            event["params"]["request"]["url"]
            for event in self._browser.events
            if event.get("sessionId") == self._session and event.get("method") == "Network.requestWillBeSent"
        ]

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """A PNG of the page, all of it or what is seen at first."""
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def printed(self, path: Path) -> None:
        """A PDF of the page."""
        answer = self._call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)


@contextmanager
def opened() -> Iterator[Browser]:
    """The browser of this machine.

    Raises:
        FileNotFoundError: there is none.
    """
    program = found()
    if program is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed")
    with tempfile.TemporaryDirectory(prefix="fwadvisor-browser-", ignore_cleanup_errors=True) as folder:
        browser = Browser(program, Path(folder))
        try:
            yield browser
        finally:
            browser.close()
