"""`stvsr-bench metrics`: what can be measured here, and whether this machine measures it right."""

from typing import TYPE_CHECKING, Annotated

import typer

from stvsr_bench.cli import options, reader

if TYPE_CHECKING:
    from stvsr_bench.metrics import Metric

app = typer.Typer(help="List metrics, and check that this machine computes the recorded numbers.", no_args_is_help=True)


@app.command("list")
def list_(
    extras: Annotated[bool, typer.Option("--extras", help="Show the optional metrics only.")] = False,
    as_json: options.Json = False,
) -> None:
    """List every metric: unit, direction, and what is missing here."""
    from stvsr_bench import metrics

    rows = [
        {**facts(name, metric), "missing": metrics.missing(name)}
        for name, metric in metrics.METRICS.items()
        if not extras or metric.group == "extra"
    ]
    if as_json:
        reader.document(rows, indent=1)
        return
    say_all(rows)


def say_all(rows: list[dict[str, str]]) -> None:
    """The metrics by group, a few lines for each: a table of so many columns is not readable."""
    for group in dict.fromkeys(row["group"] for row in rows):
        how = "" if group == "core" else f" (all of them: --metrics {group})"
        reader.say(f"{group}{how}:")
        for row in rows:
            if row["group"] == group:
                reader.say(_line(row))


@app.command()
def selftest(as_json: options.Json = False) -> None:
    """Compute recorded numbers again, beside other installed programs."""
    from stvsr_bench.data.degrade import imresize
    from stvsr_bench.errors import NotRunnableError
    from stvsr_bench.metrics import kernels
    from stvsr_bench.metrics import selftest as tests

    checks, agreements = [], []
    say = (lambda _line: None) if as_json else reader.say
    say(f"PSNR and SSIM by {kernels.name()}; deviation from the recorded numbers:")
    for check in tests.checks(imresize):
        checks.append(check)
        if check.skipped:
            say(f"  {check.name:<36}{check.count:>5} values   not checked: {check.skipped}")
            continue
        verdict = "ok" if check.passed else f"WRONG ({check.where})"
        off = f"off by {check.worst:7.1e}, allowed {check.allowed:7.1e}"
        say(f"  {check.name:<36}{check.count:>5} values   {off}   {verdict}")
    say("Other programs on three 448x256 pairs, their mean minus ours:")
    for agreement in tests.agreements():
        agreements.append(agreement)
        note = f"   {agreement.note}" if agreement.note else ""
        say(f"  {agreement.program:<28}{agreement.metric:<8}{agreement.value:10.5f}{agreement.difference:+11.1e}{note}")
    if as_json:
        document = {
            "engine": kernels.name(),
            "checks": [{**vars(check), "passed": check.passed} for check in checks],
            "agreements": [vars(agreement) for agreement in agreements],
        }
        reader.document(document, indent=1)
    wrong = [check.name for check in checks if not check.passed]
    if wrong:
        raise NotRunnableError(f"this machine does not compute the recorded numbers: {', '.join(wrong)}")
    say(f"All {sum(check.count for check in checks if not check.skipped)} recorded values that were computed agree.")


def facts(name: str, metric: "Metric") -> dict[str, str]:
    """What a list says of one metric."""
    from stvsr_bench.metrics import about, needs

    cost = about.COST_MS.get(name)
    return {
        "name": name,
        "unit": metric.unit,
        "better": "nearest to 0" if metric.signed else "higher" if metric.higher_is_better else "lower",
        "per": metric.per,
        "group": metric.group,
        "title": metric.title,
        "description": metric.description,
        "needs": needs(name),
        "ms per frame": "" if cost is None else f"{cost:g}",
        "printed by": about.PRINTED_BY.get(name, ""),
    }


def _line(row: dict[str, str]) -> str:
    unit = f" [{row['unit']}]" if row["unit"] else ""
    text = f"  {row['name']:<36} {row['title']}{unit}, {row['better']} is better, per {row['per']}"
    cost = f"{row['ms per frame']} ms per frame of 448x256" if row["ms per frame"] else ""
    needs = f"needs {row['needs']}" if row["needs"] else ""
    printed = f"printed by {row['printed by']}" if row["printed by"] else ""
    about = "; ".join(filter(None, (needs, cost, printed)))
    below = (row["description"], about, row.get("missing", ""))
    return "\n".join([text, *(reader.wrapped(words, " " * 6) for words in below if words)])
