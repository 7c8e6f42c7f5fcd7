"""Which weights a name means, what they are called in every row, and what is refused."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stvsr_bench import checkpoints, methods
from stvsr_bench.errors import UsageError, WeightsError
from stvsr_bench.methods import inventory, recognise
from stvsr_bench.methods.spec import parse
from stvsr_bench.methods.weights import published_as

MODEL = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width: int = 2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)


def theirs(state):
    return {"their." + key: value for key, value in state.items()}


def ours(state):
    return {key.removeprefix("their."): value for key, value in state.items()}
"""
HEAD = 'title = "Net"\nkind = "sr"\nnet = "model:Net"\n[options]\nwidth = 2\n'
TAG = '[weights.{tag}]\nrename = "model:ours"\nexport = "model:theirs"\n{more}\n'
STATE = {"conv.weight": torch.arange(6.0).reshape(2, 3, 1, 1), "conv.bias": torch.ones(2)}
THEIRS = {"their." + key: value for key, value in STATE.items()}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STVSR_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STVSR_BENCH_PATH", str(tmp_path))
    return tmp_path


def method(home: Path, *tags: str, name: str = "net") -> None:
    folder = home / "methods" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.toml").write_text(HEAD + "".join(tags))
    (folder / "model.py").write_text(MODEL)


def saved(path: Path, state: dict[str, torch.Tensor] = THEIRS) -> Path:
    torch.save(state, path)
    return path


def added(file: Path, name: str = "") -> str:
    """The label that rows have once `weights add` kept a file; the command itself is tested in tests/cli."""
    state = recognise.read(file)
    fit, tag = recognise.place(file, recognise.fits(state, file)[0], name)
    checkpoints.keep(file, state, fit.method, tag, replace=True)
    return methods.resolve(f"{fit.method}@{tag}").weights


def git_blob(path: Path) -> str:
    """What git itself says."""
    done = subprocess.run(["git", "hash-object", "--no-filters", str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_file_is_the_authors_by_its_sha256_or_blob_id_and_by_nothing_else(home: Path) -> None:
    file = saved(home / "net.pth")
    method(home, TAG.format(tag="authors", more=""))
    assert added(file) == "own", "shapes and names prove nothing"
    assert added(file, "net@authors") == "authors (claimed)"
    assert methods.resolve("net").weights == "authors (claimed)", "chosen without a word as well"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    for known in (f'sha256 = "{sha256}"', f'blob = "{git_blob(file)}"'):
        method(home, TAG.format(tag="authors", more=known))
        assert added(file) == "authors"
        assert methods.resolve(f"net@{file}").weights == "authors"
        assert methods.resolve("net").weights == "authors", "it was kept as a claim before, and the card proves it now"
    method(home, TAG.format(tag="authors", more='blob = "0000000000000000000000000000000000000000"'))
    assert added(file) == "own" and added(file, "net@authors") == "authors (claimed)"


def test_a_tag_of_the_authors_that_no_card_lists_is_a_claim(home: Path) -> None:
    method(home, '[weights.mini]\norigin = "ours"\n')
    file = saved(home / "net.pth", STATE)
    assert added(file, "net@authors") == "authors (claimed)"
    assert added(file, "net@mini") == "mini"


def test_what_a_table_prints_for_a_claim_is_a_name_that_can_be_asked_for(home: Path) -> None:
    method(home, TAG.format(tag="authors", more=""))
    added(saved(home / "net.pth"), "net@authors")
    assert methods.resolve("net@authors (claimed)") == methods.resolve("net@authors")
    item = next(item for item in inventory.all_weights() if item.method == "net")
    assert (item.state, item.origin) == ("here", "claimed") and item.what.startswith("authors (claimed):")


def test_the_blob_id_is_that_of_git(home: Path) -> None:
    for size in (0, 1, 2**20, 3 * 2**20 + 7):
        (home / "file").write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
        assert checkpoints.blob_id(home / "file") == git_blob(home / "file")
    with pytest.raises(WeightsError, match="cannot be read"):
        checkpoints.blob_id(home / "nothing")


def test_the_published_blob_id_of_zooming_slow_mo_is_on_its_card(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = methods.card("zsm")
    (home / "file").write_bytes(b"x")
    monkeypatch.setattr(checkpoints, "blob_id", lambda path: "96b6d2a9b0d54cb24ab698a871dc29277fcc7657")
    assert published_as(card, home / "file") == "authors"
    assert recognise.facts_of(home / "file", STATE).known_as == ["zsm@authors"]


def test_two_files_of_one_network_go_to_their_tags_by_name_or_are_asked_for(home: Path) -> None:
    method(home, TAG.format(tag="single", more=""), TAG.format(tag="multi", more=""))
    assert added(saved(home / "net_single_frame.pth")) == "single (claimed)"
    assert added(saved(home / "Net_Multiple_Frames.pth")) == "multi (claimed)"
    for name in ("net.pth", "single_and_multi.pth"):
        with pytest.raises(UsageError, match="write --as net@single or --as net@multi, or --as net@NAME"):
            added(saved(home / name))
        assert added(home / name, "net@mine") == "mine"
    assert added(saved(home / "trained.pth", STATE)) == "own", "names of ours: nobody's published file"


def test_tmnet_has_two_such_tags() -> None:
    tags = {tag: facts for tag, facts in methods.card("tmnet").weights.items() if facts.origin == "authors"}
    assert set(tags) == {"single", "multi"} and not any(facts.sha256 or facts.blob for facts in tags.values())


@pytest.mark.parametrize("tag", ["a b", "a,b", "a+b", "a (claimed)", "\x1b[31m", "a/b", "x" * 65, "a\n"])
def test_a_tag_that_could_not_be_named_again_is_refused(tag: str, home: Path) -> None:
    method(home)
    with pytest.raises(UsageError, match="a tag is made of letters") as caught:
        added(saved(home / "net.pth", STATE), f"net@{tag}")
    assert "\x1b" not in str(caught.value)


def test_a_cached_file_that_changed_is_refused(home: Path) -> None:
    method(home)
    added(saved(home / "net.pth", STATE))
    path = checkpoints.find("net", "own")
    assert path is not None
    saved(path, {key: value * 2 for key, value in STATE.items()})
    with pytest.raises(WeightsError, match=r"net@own: .* has changed since it was added .* add net\.pth again"):
        methods.resolve("net@own")
    with pytest.raises(WeightsError, match="has changed"):
        methods.build("net@own")


def test_an_entry_without_a_fingerprint_is_no_other_file(home: Path) -> None:
    method(home)
    checkpoints.add(saved(home / "a.pth"), "net", "first")  # as older versions listed it: no fingerprint
    assert recognise.known_as(checkpoints.sha256(saved(home / "b.pth", STATE))) == []
    assert recognise.known_as(checkpoints.sha256(home / "a.pth")) == ["net@first"]


def test_missing_and_damaged_weights_are_told_apart_by_what_happened(home: Path) -> None:
    # "not installed" in the name of a file made damage look like absence
    method(home, TAG.format(tag="authors", more=f'sha256 = "{"0" * 64}"\nfile = "not installed.pth"'))
    item = next(item for item in inventory.all_weights() if item.method == "net")
    assert item.state == "missing"
    saved(home / "methods" / "net" / "not installed.pth")
    item = next(item for item in inventory.all_weights() if item.method == "net")
    assert item.state == "damaged" and "not installed.pth has SHA-256" in item.what


def test_a_prefix_that_a_framework_left_is_dropped_where_the_rest_fits(home: Path) -> None:
    """Lightning, BasicSR wrappers: strictly, as ever; and the way that `weights add` takes is the same."""
    method(home)
    file = saved(home / "lightning.ckpt", {f"model.net.{key}": value for key, value in STATE.items()})
    state = methods.build(f"net@{file}").net.state_dict()
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)
    assert added(file) == "own"


def test_a_state_that_lacks_one_key_of_the_network_says_which(home: Path) -> None:
    method(home, TAG.format(tag="authors", more="").replace("model:ours", "names:ours"))
    names = "from stvsr_bench.errors import WeightsError\n\ndef ours(state):\n    raise WeightsError('not theirs')\n"
    (home / "methods" / "net" / "names.py").write_text(names)
    file = saved(home / "w.pth", {key: value for key, value in STATE.items() if key != "conv.bias"})
    with pytest.raises(WeightsError, match=r"misses 'conv\.bias'"):
        methods.build(f"net@{file}")
    with pytest.raises(WeightsError, match="not theirs"):
        methods.build(f"net@{saved(home / 'x.pth', {'other': STATE['conv.bias']})}")


WIDE = {"conv.weight": torch.ones(5, 3, 1, 1), "conv.bias": torch.ones(5)}
SAID = checkpoints.Trained("net", {"width": 5})


def written(folder: Path, way: str) -> Path:
    """Weights with 5 features, which say so in one of the ways that `train` has had."""
    path = folder / "weights.safetensors"
    save_file(WIDE, path, SAID.metadata if way == "metadata" else None)
    facts = {"method": "net", "sha256": checkpoints.sha256(path)}
    beside = {"json": {"options": {"width": 5}}, "older json": {"recipe": {"options": {"width": 5}}}}
    if way in beside:
        path.with_suffix(".json").write_text(json.dumps({**facts, **beside[way]}))
    return path


@pytest.mark.parametrize("way", ["metadata", "json", "older json"])
def test_trained_weights_bring_their_options_also_out_of_the_cache(way: str, home: Path) -> None:
    method(home)
    path = written(home, way)
    assert methods.build(f"net@{path}").options == {"width": 5}
    assert methods.resolve(f"net@{path}").spec == "net", "the options are the weights', not the method's"
    assert added(path) == "own"
    path.unlink()
    path.with_suffix(".json").unlink(missing_ok=True)
    assert torch.equal(methods.build("net@own").net.conv.weight, WIDE["conv.weight"])


def test_options_of_other_weights_are_not_believed(home: Path) -> None:
    method(home)
    path = written(home, "json")
    save_file({**WIDE, "conv.bias": torch.zeros(5)}, path)  # copied over since: the SHA-256 beside it is another's
    assert checkpoints.trained(path) is None
    with pytest.raises(WeightsError, match="does not fit"):
        methods.build(f"net@{path}")
    save_file(WIDE, path, checkpoints.Trained("zsm", {"width": 5}).metadata)
    with pytest.raises(WeightsError, match="does not fit"):
        methods.build(f"net@{path}")


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", "[" * 20_000, '{"options": 3}', '{"method": "net", "options": {"width": [1]}}'),
        *('{"method": "net", "options": {"width": 99999999}}', '{"method": "net", "options": {"width": NaN}}'),
    ],
)
def test_what_is_no_list_of_options_is_as_if_it_were_not_there(text: str, home: Path) -> None:
    save_file(WIDE, home / "a.safetensors", {"stvsr_bench": text})
    (home / "a.json").write_text(text)
    assert checkpoints.trained(home / "a.safetensors") is None
    assert checkpoints.from_text(text) is None


@pytest.mark.parametrize("name", ["a+b.pth", "c++/net.pth", "1+1=2.pth", "x+y/z.pth", "ends+.pth", "++.pth"])
def test_a_path_that_contains_a_plus_can_be_named(name: str, home: Path) -> None:
    method(home)
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    saved(path, STATE)
    assert [part.weights for part in parse(f"net:width=2@{path}").parts] == [str(path)]
    assert methods.build(f"net@{path}").weights_tag == path.name
    assert [part.name for part in parse(f"blend+net@{path}").parts] == ["blend", "net"]
    assert [part.name for part in parse(f"net@{path}+blend").parts] == ["net", "blend"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("a+b", "a b"), ("a@x+b@y", "a b"), ("a:k=1+b:k=2@x", "a b"), ("a@x.pth + b", "a b"), (" a + b ", "a b")],
)
def test_two_methods_are_still_joined_by_a_plus(text: str, names: str) -> None:
    assert [part.name for part in parse(text).parts] == names.split()


@pytest.mark.parametrize("text", ["a+b+c", "a@x+b+c@y", "+", "a+", "+a", "a++b"])
def test_what_is_no_pair_is_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"at most two|cannot be read"):
        parse(text)


@pytest.mark.parametrize("name", ["my nets/best.pth", "a,b.pth", "a+span.pth", "a+span", "x@y+rife@z.pth"])
def test_a_file_of_weights_that_exists_is_one_path_whatever_it_contains(tmp_path, name):
    from stvsr_bench.cli.options import methods as typed

    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    other = tmp_path / "other one.pth"
    other.touch()
    assert typed(f"bicubic,tmnet@{path},dis+bicubic") == ("bicubic", f"tmnet@{path}", "dis+bicubic")
    assert typed(f"tmnet@{path} zsm@{other}") == (f"tmnet@{path}", f"zsm@{other}")
    assert [(part.name, part.weights) for part in parse(f"tmnet@{path}").parts] == [("tmnet", str(path))]
    pair = parse(f"rife@{other}+span@{path}").parts
    assert [(part.name, part.weights) for part in pair] == [("rife", str(other)), ("span", str(path))]
    pair = parse(f"rife@{path}+span@{other}").parts
    assert [(part.name, part.weights) for part in pair] == [("rife", str(path)), ("span", str(other))]
    assert [part.name for part in parse(f"dis+span@{path}").parts] == ["dis", "span"]


def test_a_spec_that_cannot_be_read_shows_how_to_quote():
    with pytest.raises(UsageError, match="in its own quotes"):
        parse("nets/w.pth")
