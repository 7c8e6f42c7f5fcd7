"""What each plug-in brings into the process as its code is run: places on `sys.path`, modules. It is of no other.

Two networks of research often have a `utils.py` each. The second would be given the first's, and another network's
numbers would stand under its name.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

places: dict[str, Path] = {}  # what was put on `sys.path`, and the plug-in that did
_modules: dict[str, Path] = {}


@contextmanager
def loading(plugin: Path, imports: Mapping[str, set[str]]) -> Iterator[None]:
    """Around the code of a plug-in: it finds modules as if no other had been loaded.

    `imports` are the modules that it imports by name, with the files that each may be.
    """
    for top, files in imports.items():
        held = getattr(sys.modules.get(top), "__file__", None)
        if held and _modules.get(top, plugin) != plugin and os.path.realpath(held) not in files:
            # the plug-in that brought it keeps what it took from it
            for name in [name for name in sys.modules if name.partition(".")[0] == top]:
                del sys.modules[name]
    others = [place for place in sys.path if places.get(place, plugin) != plugin]
    sys.path[:] = [place for place in sys.path if place not in others]
    path, modules = set(sys.path), set(sys.modules)
    try:
        yield
    finally:
        places.update(dict.fromkeys(set(sys.path) - path, plugin))
        _modules.update(dict.fromkeys(set(sys.modules) - modules, plugin))
        sys.path += [place for place in others if place not in sys.path]  # for what they import later
