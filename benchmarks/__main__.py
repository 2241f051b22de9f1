"""Runs the claims: `python -m benchmarks [name]`. Exit 1 if a claim fails, 2 if one could not be tried, else 0."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run one benchmark, or all of them, each in a process of its own."""
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("[a-z]*.py") if path.stem != "claims")
    unknown = [name for name in names if not (HERE / f"{name}.py").exists()]
    if unknown:
        known = ", ".join(sorted(path.stem for path in HERE.glob("[a-z]*.py") if path.stem != "claims"))
        print(f"no benchmark named {', '.join(unknown)}; there are: {known}", file=sys.stderr)
        return 2
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode for name in names
    ]
    return max(codes, key=lambda code: (code == 1, code), default=0)


if __name__ == "__main__":
    sys.exit(main())
