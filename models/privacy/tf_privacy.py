"""The door to tensorflow-privacy.

Version 0.9.0 imports Estimators at its top, which TensorFlow has dropped in 2.16, so `import
tensorflow_privacy` fails although its parts work. A bare package of that name, whose path is the
installed folder, lets the parts load without running the top. This file may go when a release of
tensorflow-privacy imports on a current TensorFlow.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from models.privacy.errors import PrivacyError

_NAME = "tensorflow_privacy"


def part(path: str) -> ModuleType:
    """The module `tensorflow_privacy.<path>`, e.g. `privacy.dp_query.gaussian_query`.

    Raises PrivacyError if tensorflow-privacy is not installed.
    """
    if _NAME not in sys.modules:
        sys.modules[_NAME] = _bare_package()
    return importlib.import_module(f"{_NAME}.{path}")


def _bare_package() -> ModuleType:
    """A package without contents whose path is the installed folder."""
    spec = importlib.util.find_spec(_NAME)
    if spec is None or spec.submodule_search_locations is None:
        raise PrivacyError("tensorflow-privacy is not installed; install requirements.txt")
    package = ModuleType(
        _NAME, "tensorflow-privacy without its top-level imports; see models.privacy.tf_privacy"
    )
    package.__path__ = list(spec.submodule_search_locations)
    return package
