"""Finds methods and builds them: `names()`, `card(name)`, `build(spec)`. No method is named here.

A spec is `name[:option=value ...][@weights]`; `a+b` composes an interpolator and an upscaler in the order written.
`__path__` makes `stvsr_bench.methods.<name>` the import name of a folder that lies elsewhere.
"""

from stvsr_bench.methods.builder import build
from stvsr_bench.methods.cards import card, names, problems
from stvsr_bench.methods.spec import Part, Spec, parse
from stvsr_bench.plugins import search_path

__path__ = search_path(list(__path__), "methods")
__all__ = ["Part", "Spec", "build", "card", "names", "parse", "problems"]
