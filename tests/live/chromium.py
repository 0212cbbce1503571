"""A real browser for tests: headless Chromium, driven over its DevTools protocol. No package but `websockets`."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)  # fmt: skip


class Browser:
    """One Chromium with one page. `with Browser() as browser: browser.open(url, 1024, 768)`."""

    def __enter__(self) -> Browser:
        from websockets.sync.client import connect

        assert PROGRAM
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        port = Path(self._folder.name) / "DevToolsActivePort"
        until = time.monotonic() + 30
        while not (port.is_file() and len(port.read_text().splitlines()) == 2):
            assert time.monotonic() < until and self._process.poll() is None, "chromium did not start"
            time.sleep(0.05)
        number, path = port.read_text().splitlines()
        self._socket = connect(f"ws://127.0.0.1:{number}{path}", max_size=None, proxy=None)
        self._count, self._session, self.complaints = 0, None, []
        target = self.ask("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in target if one["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def ask(self, method: str, **given: Any) -> dict:
        """One request of the protocol. What the page complains of meanwhile is kept in `complaints`."""
        self._count += 1
        about = {"id": self._count, "method": method, "params": given}
        self._socket.send(json.dumps(about | ({"sessionId": self._session} if self._session else {})))
        while True:
            said = json.loads(self._socket.recv(timeout=30))
            if said.get("id") == self._count:
                assert "error" not in said, f"{method}: {said['error']}"
                return said["result"]
            if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(said["params"])[:500])

    def open(self, url: str, width: int, height: int) -> None:
        """Go to a page, in a window of this size."""
        self.resize(width, height)
        self.ask("Page.navigate", url=url)

    def resize(self, width: int, height: int) -> None:
        """The size of the window in CSS pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def value(self, expression: str) -> Any:
        """What an expression is worth in the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 10) -> Any:
        """Until an expression is true in the page; its value."""
        until = time.monotonic() + seconds
        while not (found := self._tried(expression)):
            assert time.monotonic() < until, f"never came: {expression}"
            time.sleep(0.05)
        return found

    def _tried(self, expression: str) -> Any:
        """Its value, or nothing where the page is not so far."""
        return self.value(f"(() => {{ try {{ return {expression} }} catch (error) {{ return null }} }})()")

    def point(self, selector: str, across: float = 0.5) -> tuple[float, float]:
        """A point on an element: half of its height, so much of its width."""
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.value(f"(r => [r.x + r.width * {across}, r.y + r.height / 2])({box})")
        return x, y

    def click(self, selector: str, across: float = 0.5) -> None:
        """Press and release the mouse on an element."""
        self.drag(self.point(selector, across), None)

    def drag(self, start: tuple[float, float], end: tuple[float, float] | None) -> None:
        """Press at a point, and release at another."""
        about = {"button": "left", "clickCount": 1}
        self.ask("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], **about)
        for share in (0.25, 0.5, 0.75, 1) if end else ():
            x, y = (a + (b - a) * share for a, b in zip(start, end, strict=True))
            self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
        x, y = end or start
        self.ask("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, **about)

    def touch(self, selector: str) -> None:
        """Tap an element with a finger."""
        x, y = self.point(selector)
        self.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key: str) -> None:
        """Press a key: "m", "Escape"."""
        text = {"text": key} if len(key) == 1 else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self, path: str | Path) -> None:
        """Write what is seen as a PNG."""
        Path(path).write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
