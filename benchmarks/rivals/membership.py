"""A rival of the membership attacks in an environment of its own: ART, the Adversarial Robustness Toolbox."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.rivals.environments import HERE, NoEnvironment, python

ENVIRONMENT = "membership"


class Unfinished(Exception):
    """A rival that failed or ran out of time; the text says which."""


def attacked(
    weights: list[NDArray[Any]],
    arrays: dict[str, NDArray[Any]],
    settings: dict[str, Any],
    *,
    limit: float = 600,
) -> dict[str, NDArray[np.float64]]:
    """ART's scores (n,) of the `pool` by each of its attack models, a higher one for a member.

    `weights` are the target's; `arrays` hold pool (n, d) and elsewhere (k, d), and the labels of both. Raises
    Unfinished after `limit` seconds or if ART fails, NoEnvironment if it cannot be installed here.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "attacked.npz"
        np.savez(file, **arrays, **{f"w{number:02d}": array for number, array in enumerate(weights)})
        try:
            done = subprocess.run(
                [str(python(ENVIRONMENT)), str(HERE / "membership_steps.py"), str(file), json.dumps(settings)],
                capture_output=True, text=True, check=False, timeout=limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unfinished(f"not finished after {limit:g} s") from None
    if done.returncode != 0:
        raise Unfinished(f"ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return {
        name: np.array(scores) for name, scores in json.loads(done.stdout.strip().splitlines()[-1]).items()
    }


__all__ = ["NoEnvironment", "Unfinished", "attacked"]
