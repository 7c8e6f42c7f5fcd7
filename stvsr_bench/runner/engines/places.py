"""Paths as every process finds them, wherever it was started."""

from dataclasses import replace
from pathlib import Path

from stvsr_bench import datasets
from stvsr_bench.methods import spec
from stvsr_bench.runner.engines.tasks import Setup, Task


def absolute_setup(setup: Setup) -> Setup:
    """The setup with absolute paths."""
    return replace(
        setup,
        root=setup.root and _absolute(setup.root),
        out=setup.out and _absolute(setup.out),
        included=tuple(_absolute(path) for path in setup.included),
    )


def absolute_task(task: Task) -> Task:
    """The task with the absolute paths of its data set and weights, where these are paths."""
    dataset = str(_absolute(Path(task.dataset))) if datasets.is_path(task.dataset) else task.dataset
    return replace(task, dataset=dataset, method=_absolute_method(task.method))


def _absolute_method(text: str) -> str:
    parts = spec.parse(text).parts
    files = [Path(part.weights).expanduser() for part in parts]
    if not any(part.weights and file.is_file() for part, file in zip(parts, files, strict=True)):
        return text
    return spec.text_of(
        tuple(
            replace(part, weights=str(_absolute(file))) if part.weights and file.is_file() else part
            for part, file in zip(parts, files, strict=True)
        )
    )


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()  # not resolved: a link may lead elsewhere on another machine
