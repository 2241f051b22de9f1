"""A contender: a process that makes private steps on demand (see `protocol`)."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
ANSWER_SECONDS = 120.0


class Failed(Exception):
    """The contender cannot do what was asked; the text is its own word, or what became of it."""


class Contender:
    """A started and warm contender. `warm` is the time of a step in seconds, `peak_mib` its highest memory.

    Raises Failed if it does not become warm, or does not answer later.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.times: list[float] = []
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        ready = self._answer()
        self.warm, self.peak_mib = float(ready["seconds"]), int(ready["peak_mib"])

    def steps(self, count: int, *, untimed: int = 0) -> None:
        """Make `untimed` + `count` steps and keep the times of the last `count`."""
        self._line(str(untimed + count))
        answer = self._answer()
        self.times += answer["seconds"][untimed:]
        self.peak_mib = int(answer["peak_mib"])

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _line(self, text: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it ended; that it gives no answer says so
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        answers = self._process.stdout
        assert answers is not None
        ready, _, _ = select.select([answers], [], [], ANSWER_SECONDS)
        line = answers.readline() if ready else ""
        answer = json.loads(line) if line else {}
        if "seconds" not in answer:
            self.stop()
            ended = "ended without an answer" if ready else f"gave no answer in {ANSWER_SECONDS:.0f} s"
            raise Failed(answer.get("failed", ended))
        return dict(answer)
