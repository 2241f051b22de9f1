"""A real browser that can log in: Chromium, spoken to by its own protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import websockets

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a person would read on a page, and which hosts but this one the page asked."""

    text: str
    foreign: list[str]


class Talk:
    """A tab that is spoken to; `told` are the events it told of, method and parameters."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        """What a method of the protocol gives."""
        self._number += 1
        await self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(await self._socket.recv())
            if "method" in message:
                self.told.append((message["method"], message["params"]))
            if message.get("id") == self._number:
                return message["result"]

    async def value(self, expression: str) -> Any:
        """What a line of script gives on the page."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")


def talk(chromium: str, profile: Path, said: Callable[[Talk], Awaitable[T]], page: str = "about:blank") -> T:
    """Start a browser on a page, let `said` speak with its tab, and end it."""
    command = [chromium, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", page]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return asyncio.run(_talk(_tab(profile), said))
    finally:
        process.terminate()
        process.wait(20)


def look(chromium: str, address: str, *, login: str, until: str, picture: Path, profile: Path) -> Seen:
    """Open a page of this host with a login, wait for a text on it (at most a minute), take a picture."""

    async def said(tab: Talk) -> Seen:
        await tab.call("Network.enable")
        token = base64.b64encode(login.encode()).decode()
        await tab.call("Network.setExtraHTTPHeaders", headers={"Authorization": f"Basic {token}"})
        await tab.call("Page.navigate", url=address)
        text = await _wait_for(tab, until)
        shot = await tab.call("Page.captureScreenshot", format="png")
        picture.write_bytes(base64.b64decode(shot["data"]))
        asked = {told["request"]["url"] for method, told in tab.told if method == "Network.requestWillBeSent"}
        own = ("http://127.0.0.1:", "data:", "blob:", "about:", "chrome:")
        return Seen(text=text, foreign=[url for url in asked if not url.startswith(own)])

    return talk(chromium, profile, said)


async def _talk(tab: str, said: Callable[[Talk], Awaitable[T]]) -> T:
    async with websockets.connect(tab, max_size=None) as socket:
        return await said(Talk(socket))


def _tab(profile: Path) -> str:
    port_file, deadline = profile / "DevToolsActivePort", time.monotonic() + 60
    while not port_file.exists() or "\n" not in port_file.read_text():
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.1)
    port = port_file.read_text().split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=30) as reply:
        return next(str(tab["webSocketDebuggerUrl"]) for tab in json.load(reply) if tab["type"] == "page")


async def _wait_for(tab: Talk, until: str) -> str:
    deadline, text = time.monotonic() + 60, ""
    while until not in text and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        text = str(await tab.value("document.body ? document.body.innerText : ''"))
    return text
