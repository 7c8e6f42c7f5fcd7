"""Frames that somebody else made: where they lie, which frame each is, and whether they fit the truth."""

from stvsr_bench.runner.external.converted import as_given
from stvsr_bench.runner.external.fit import Facts, check
from stvsr_bench.runner.external.picture import Others
from stvsr_bench.runner.external.places import Place, Places, in_no_clip
from stvsr_bench.runner.external.reading import Handed, Reader, cropped

__all__ = ["Facts", "Handed", "Others", "Place", "Places", "Reader", "as_given", "check", "cropped", "in_no_clip"]
