"""The race alone: `python -m benchmarks.rivals [mlp|recommender-10000|recommender-1000000|encoder]`."""

import sys

from benchmarks.claims import exit_code
from benchmarks.rivals.race import claims

if __name__ == "__main__":
    sys.exit(exit_code(list(claims(*sys.argv[1:]))))
