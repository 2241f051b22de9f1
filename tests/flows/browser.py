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
from typing import Any

import websockets

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
Call = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a person would read on a page, and which hosts but this one the page asked."""

    text: str
    foreign: list[str]


def look(chromium: str, address: str, *, login: str, until: str, picture: Path, profile: Path) -> Seen:
    """Open a page of this host with a login, wait for a text on it (at most a minute), take a picture."""
    command = [chromium, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return asyncio.run(_look(_tab(profile), address, login, until, picture))
    finally:
        process.terminate()
        process.wait(20)


def _tab(profile: Path) -> str:
    port_file, deadline = profile / "DevToolsActivePort", time.monotonic() + 60
    while not port_file.exists() or "\n" not in port_file.read_text():
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.1)
    port = port_file.read_text().split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=30) as reply:
        return next(str(tab["webSocketDebuggerUrl"]) for tab in json.load(reply) if tab["type"] == "page")


async def _look(tab: str, address: str, login: str, until: str, picture: Path) -> Seen:
    asked: set[str] = set()
    async with websockets.connect(tab, max_size=None) as socket:
        number = 0

        async def call(method: str, **parameters: Any) -> Any:
            nonlocal number
            number += 1
            await socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
            while True:
                message = json.loads(await socket.recv())
                if message.get("method") == "Network.requestWillBeSent":
                    asked.add(message["params"]["request"]["url"])
                if message.get("id") == number:
                    return message["result"]

        await call("Network.enable")
        token = base64.b64encode(login.encode()).decode()
        await call("Network.setExtraHTTPHeaders", headers={"Authorization": f"Basic {token}"})
        await call("Page.navigate", url=address)
        text = await _wait_for(call, until)
        shot = await call("Page.captureScreenshot", format="png")
        picture.write_bytes(base64.b64decode(shot["data"]))
    own = ("http://127.0.0.1:", "data:", "blob:", "about:", "chrome:")
    return Seen(text=text, foreign=[url for url in asked if not url.startswith(own)])


async def _wait_for(call: Call, until: str) -> str:
    deadline, text = time.monotonic() + 60, ""
    while until not in text and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        found = await call("Runtime.evaluate", expression="document.body ? document.body.innerText : ''")
        text = str(found["result"]["value"])
    return text
