"""The authors' checkpoint of SAFA (275 tensors, 30 of them statistics) under our names, and back.

Theirs have `module.` before every key, which their own loader wants; ours takes both and writes none.
"""

from stvsr_bench.nn.keys import AuthorsKeys, Rule

from .model import SAFA, TAIL_DEPTH

HEAD: list[Rule] = [
    (r"^head\.stem\.(\d)\.", r"block.convimg.cnn0.\1."),
    (r"^head\.quarter\.(\d)\.", r"block.convimg.cnn1.1.\1."),
    (r"^head\.eighth\.(\d)\.", r"block.convimg.cnn2.0.\1."),
    (r"^head\.", "block.convimg."),
    (r"(cnn\d\.\d\.\d)\.norm(\d)\.", r"\1.bn\2."),
    (r"(cnn\d\.\d\.\d)\.shortcut\.", r"\1.downsample."),
]
BLOCKS: list[Rule] = [
    (r"^mix\.", "block.shuffle."),
    (r"^blocks\.(\d)\.enter\.", r"block.convblock.\1.conv_stem."),
    (r"^blocks\.(\d)\.rest\.", r"block.convblock.\1.conv_backbone."),
    (r"^step\.", "block.convflow.0."),
    (r"^choose\.look1\.", "block.getscale.0.0."),
    (r"^choose\.slope1\.", "block.getscale.0.1."),
    (r"^choose\.look2\.", "block.getscale.1.0."),
    (r"^choose\.slope2\.", "block.getscale.1.1."),
    (r"^choose\.weigh\.", "block.getscale.4."),
]
RESIDUAL = r"(block\.convblock\.\d\.conv_backbone\.\d|lastconv\.\d+)"
TAIL: list[Rule] = [
    (r"^tail\.enter\.", "lastconv.0."),
    *[(rf"^tail\.trunk\.{i}\.", f"lastconv.{i + 1}.") for i in range(TAIL_DEPTH)],
    (r"^tail\.widen\.", "lastconv.13."),
    (r"^tail\.last\.", "lastconv.15."),
    (rf"^{RESIDUAL}\.conv1\.", r"\1.conv.0."),
    (rf"^{RESIDUAL}\.slope1\.", r"\1.conv.1."),
    (rf"^{RESIDUAL}\.conv2\.", r"\1.conv.2."),
    (rf"^{RESIDUAL}\.slope2\.", r"\1.prelu."),
]
KEYS = AuthorsKeys("SAFA", SAFA, [*HEAD, *BLOCKS, *TAIL])
from_authors = KEYS.from_authors
to_authors = KEYS.to_authors
