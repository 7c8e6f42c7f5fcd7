"""Coverage-guided fuzzing of what people and files say to the suite: not part of the test suite.

    pip install atheris
    python tests/fuzz/fuzz_core.py spec|card|rows|words|checkpoint [corpus folder] -max_total_time=600

Without a corpus folder it starts from a few good examples. A parser either gives a value or raises a `BenchError`;
anything else is a finding. The first byte of `card` and `words` chooses which of several parsers reads the rest.
"""

import logging
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["stvsr_bench", "tomllib", "pickletools", "zipfile"]):
    from stvsr_bench import plugins
    from stvsr_bench.checkpoints import loading
    from stvsr_bench.cli import gate, options, profile, run, verify
    from stvsr_bench.errors import BenchError
    from stvsr_bench.methods import cards, spec
    from stvsr_bench.rows import store
    from stvsr_bench.runner import replay
    from stvsr_bench.runner.plan import RunSpec, keep
    from stvsr_bench.schema import DatasetCard, MethodCard

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
ROW = (
    b'{"key":"0123456789abcdef","method":"m","weights":"","dataset":"d","split":"s","clip":"c","protocol":"p",'
    b'"protocol_key":"p.1-0","restoring_key":"r","frames":[0],"given":[true],"values":{"psnr_y":[30.5]},"size":[8,8]}\n'
)
CARD = 'title = "Net"\nkind = "stvsr"\nnet = "model:Net"\n[options]\nwidth = 8\n[weights.mini]\nfile = "w"\n'
SEEDS = {
    "spec": [b"stdan:top_t=9:engine=plain@mini", b"dis+bicubic", b"dat_light@~/w.pth"],
    "card": [
        b"0" + CARD.encode(),
        b'1title = "Set"\nreader = "reader:Set"\nsplits = ["a"]\n[lists.zsm.a]\nsha256 = "0"\ncount = 3\n',
        b"2CARD = {'title': 'Net', 'kind': 'stvsr', 'net': 'f', 'scale': 4}\n",
        b'2"""Doc.\n\n```toml\nnet = "f"\n```\n"""\n',
        b'3methods = ["stdan"]\nlimit = 2.0\nshard = [1, 2]\n[how]\ndevice = "cpu"\n',
    ],
    "rows": [ROW, ROW + ROW.replace(b"0123", b"4567") + ROW[:40], b'{"key":"a"}\n'],
    "words": [b"0psnr_y=0.01,ssim_y=1e-4", b"13/8", b"21%", b"364x112", b"4stdan,zsm@mini dis+bicubic", b"5worst:3"],
}
WORDS = (
    "width=",
    "fast=true",
    "rate=1e3",
    "word=",
    ":width=8",
    "@mini",
    "psnr_y=0.1",
    '{"key":"',
    "title",
    "kind",
    "net",
)


def fuzz_spec(data: bytes) -> None:
    """A spec has one or two parts, each with a name, and options that are in the card or named."""
    try:
        found = spec.parse(data.decode("utf-8", "replace"))
        assert 1 <= len(found.parts) <= 2 and all(part.name for part in found.parts)
        card = plugins.card_from(
            {
                "title": "T",
                "kind": "stvsr",
                "net": "n",
                "options": {"width": 8, "fast": True, "rate": 1.5, "word": "a"},
            },
            plugins.Plugin("methods", "t", FOLDER, "fuzz"),
            MethodCard,
        )
        typed = spec.typed_options(card, found.parts[0].options)
        assert spec.parse(spec.canonical_text(card, typed, {})).parts[0].name == "t"
    except BenchError as error:
        assert str(error)


def fuzz_card(data: bytes) -> None:
    """A card of a method or data set, of a one-file method, or a run.toml."""
    which, text = data[:1], data[1:]
    (FOLDER / "net").mkdir(exist_ok=True)
    path = FOLDER / "net" / ("card.py" if which == b"2" else "card.toml")
    path.write_bytes(text)
    try:
        if which == b"2":
            card_fields = cards.card_of_file(path)
            assert isinstance(card_fields, dict)
        elif which == b"3":
            assert replay.load_spec(path, FOLDER / "out").spec.out == FOLDER / "out"
        else:
            card_type = MethodCard if which == b"0" else DatasetCard
            assert plugins.read_card(plugins.Plugin("methods", "net", path.parent, "fuzz"), card_type).name == "net"
    except BenchError as error:
        assert str(error)


def fuzz_rows(data: bytes) -> None:
    """Whatever a store holds, its rows are read or refused, and a writer can go on after its last whole line."""
    run_folder = FOLDER / "run"
    run_folder.mkdir(exist_ok=True)
    for name in ("rows-main.jsonl", "failures.jsonl", "env.json"):
        (run_folder / name).write_bytes(data)
    for read in (store.done, store.read_rows, store.read_failures, lambda at: store.read_json(at / "env.json")):
        try:
            read(run_folder)
        except BenchError as error:
            assert str(error)
    with store.Appender(store.rows_file(run_folder)) as appender:
        appender.line(ROW.rstrip())
    assert store.rows_file(run_folder).read_bytes() == data[: data.rfind(b"\n") + 1] + ROW


def fuzz_words(data: bytes) -> None:
    """The small values of the command line."""
    which, text = data[:1], data[1:].decode("utf-8", "replace")
    readers = (gate._tolerances, run._shard, verify._share, profile._size, options.several, keep)
    try:
        readers[(which[0] if which else 0) % len(readers)](text)
    except BenchError as error:
        assert str(error)


def fuzz_checkpoint(data: bytes) -> None:
    """Tensors by name, or a sentence; no file is made."""
    path = FOLDER / "weights.pth"
    path.write_bytes(data)
    try:
        state = loading.load_state(path)
    except BenchError as error:
        assert str(error)
    else:
        assert all(isinstance(name, str) and tensor.is_cpu for name, tensor in state.items())
    assert {entry.name for entry in FOLDER.iterdir()} <= {path.name}


def checkpoints() -> list[bytes]:
    """A small state dict in every form that is read."""
    import io

    import torch
    from safetensors.torch import save

    state = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(3, dtype=torch.float16)}
    found = [save(state)]
    for zipped in (True, False):
        file = io.BytesIO()
        torch.save({"state_dict": state}, file, _use_new_zipfile_serialization=zipped)
        found.append(file.getvalue())
    return found


def main() -> None:
    """Fuzz the parser that is named first; what follows goes to libFuzzer."""
    name = sys.argv.pop(1)
    target = {f.__name__: f for f in (fuzz_spec, fuzz_card, fuzz_rows, fuzz_words, fuzz_checkpoint)}[f"fuzz_{name}"]
    if all(word.startswith("-") for word in sys.argv[1:]):
        corpus = Path(tempfile.mkdtemp(prefix="corpus-"))
        for number, seed in enumerate(checkpoints() if name == "checkpoint" else SEEDS[name]):
            (corpus / f"seed-{number}").write_bytes(seed)
        sys.argv.insert(1, str(corpus))
    if not any(word.startswith("-dict=") for word in sys.argv):
        words = FOLDER.with_suffix(".dict")
        words.write_text("".join('"' + word.replace('"', '\\"') + '"\n' for word in WORDS))
        sys.argv.append(f"-dict={words}")
    assert {field.name for field in fields(RunSpec)} >= {"methods", "limit", "shard", "how"}, "the seeds are stale"
    logging.disable(logging.CRITICAL)
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
