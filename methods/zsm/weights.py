"""The authors' checkpoint of Zooming Slow-Mo (416 tensors) under our names, and back."""

from stvsr_bench.nn.keys import AuthorsKeys, zsm_rules

from .model import ZoomingSlowMo

KEYS = AuthorsKeys("Zooming Slow-Mo", ZoomingSlowMo, zsm_rules())
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
