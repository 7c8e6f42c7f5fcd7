"""Rows and run folders as the tests of the gate need them."""

import json
from dataclasses import replace

import pytest

from stvsr_bench.rows import gate, store
from stvsr_bench.schema import Row

MACHINE = {"system": "Linux x86_64", "cpu": "one", "host": "a", "code_paths": {"torch": "AVX2"}}


@pytest.fixture(scope="session")
def row():
    """A row of a clip, two frames of 31 and 29 dB, with what is named otherwise."""

    def made(clip="0", method="net@mini", psnr=30.0, **changes):
        base = Row(
            key="",
            method=method,
            weights="mini",
            dataset="mini",
            split="fast",
            clip=clip,
            protocol="suite-1",
            protocol_key="suite-1.1-0",
            restoring_key="0",
            frames=[0, 1],
            given=[True, False],
            values={"psnr_y": [psnr + 1, psnr - 1], "ssim_y": [0.9, 0.8]},
            size=(8, 8),
            params=1000,
            seconds={"restore": 1.0},
            env="e",
        )
        changed = replace(base, **changes)
        # what a run puts into a key: rows with equal keys are one row, measured again
        return replace(changed, key=changes.get("key", changed.own_key))

    return made


@pytest.fixture(scope="session")
def write():
    """Writes a run folder: rows, facts of the machine and profiles."""

    def written(folder, rows, machine=MACHINE, torch="2.13", profiles=(), versions=None):
        with store.Appender(store.rows_file(folder)) as appender:
            for one in rows:
                appender.row(one)
        facts = {"e": {"machine": machine, "versions": {"torch": torch, **(versions or {})}}}
        store.write_json(folder / "env.json", facts)
        (folder / "profile.jsonl").write_text("".join(json.dumps(p) + "\n" for p in profiles))
        return folder

    return written


@pytest.fixture
def between(tmp_path, write):
    """What the gate says of two lists of rows; facts such as `torch` are of the second."""
    count = iter(range(1000))

    def judged(before, after, tolerances=None, **facts):
        folders = [tmp_path / f"{name}{next(count)}" for name in ("before", "after")]
        write(folders[0], [])
        write(folders[1], [], **facts)
        # rows as they are: a reader refuses some of those that the gate must stop all the same
        sides = [
            replace(gate.side(folder), rows=list({(one.key, one.weights): one for one in rows}.values()))
            for folder, rows in zip(folders, (before, after), strict=True)
        ]
        return gate.compare(*sides, tolerances or {})

    return judged
