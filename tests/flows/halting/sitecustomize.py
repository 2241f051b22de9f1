"""Halting: the process of a flow run stops at a named place until it is let go, or is killed there.

Python imports this module by itself at the start of every process that has this folder in PYTHONPATH. The file
that HALT_FILE names holds `module:name call of`: the call-th call whose arguments contain `of` waits while
the file exists; `at the start` halts before Prefect is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any


class _Halting(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module as Python does, and wraps one of its functions when it is loaded."""

    def __init__(self, module: str, name: str, wrap: Callable[[Any], Any]) -> None:
        self._module, self._name, self._wrap = module, name, wrap
        self._loader: Any = None

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if name != self._module or self._loader is not None:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        if found is not None:
            self._loader, found.loader = found.loader, self
        return found

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        *way, last = self._name.split(".")
        owner: Any = module
        for part in way:
            owner = getattr(owner, part)
        setattr(owner, last, self._wrap(getattr(owner, last)))


def _wait(file: Path) -> None:
    reached = file.with_suffix(".reached")
    reached.write_text(str(os.getpid()))
    while file.exists():
        time.sleep(0.05)


def _halting(file: Path, wanted: int, of: str) -> Callable[[Any], Any]:
    calls = 0

    def wrap(real: Any) -> Any:
        def passed(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += of in str((args, kwargs))
            if calls == wanted and of in str((args, kwargs)):
                _wait(file)
            return real(*args, **kwargs)

        return passed

    return wrap


def _arm(file: Path) -> None:
    place, _, rest = file.read_text().partition(" ")
    if ":" not in place:
        _wait(file)
        return
    call, _, of = rest.partition(" ")
    module, _, name = place.partition(":")
    sys.meta_path.insert(0, _Halting(module, name, _halting(file, int(call), of)))


if "PREFECT__FLOW_RUN_ID" in os.environ and (_named := os.environ.get("HALT_FILE")):
    with suppress(FileNotFoundError):
        _arm(Path(_named))
