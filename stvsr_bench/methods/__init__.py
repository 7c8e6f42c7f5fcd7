"""Finds methods and builds them: `names()`, `card(name)`, `resolve(spec)`, `build(spec)`. No method is named here.

A spec is `name[:option=value ...][@weights]`; `a+b` composes an interpolator and an upscaler in the order written.
`__path__` makes `stvsr_bench.methods.<name>` the import name of a folder that lies elsewhere. Only `build` needs torch.
"""

from typing import TYPE_CHECKING, Any

from stvsr_bench.methods.cards import card, names, problems
from stvsr_bench.methods.identity import Identity, check_names, resolve
from stvsr_bench.plugins import search_path

if TYPE_CHECKING:
    from stvsr_bench.methods.builder import build

__path__ = search_path(list(__path__), "methods")
__all__ = ["Identity", "build", "card", "check_names", "names", "problems", "resolve"]


def __getattr__(name: str) -> Any:
    if name == "build":
        from stvsr_bench.methods.builder import build

        return build
    raise AttributeError(f"module 'stvsr_bench.methods' has no attribute '{name}'")
