"""A forecast rests on seconds that mean something here: of the same weights, on this machine and device."""

from dataclasses import replace

from stvsr_bench.cli import call
from stvsr_bench.rows import store
from stvsr_bench.rows.identity import job
from stvsr_bench.runner import execute
from stvsr_bench.runner.forecast import forecast
from stvsr_bench.runner.plan import RunSpec, make


def test_only_seconds_of_the_same_weights_and_of_this_machine_are_used(noise_clips, tmp_path):
    clips = noise_clips(2, 3, (16, 16))
    spec = RunSpec(
        methods=("blend+bicubic",), datasets=(str(clips),), out=tmp_path / "run", limit=1, save_frames="none"
    )
    execute.execute(spec, make(spec))
    (row,) = store.read_rows(spec.out)
    facts = store.read_json(spec.out / "env.json")[row.env]
    elsewhere = {**facts, "machine": {**facts["machine"], "host": "another"}}
    timed = tmp_path / "timed"
    store.write_json(timed / "env.json", {"here": facts, "there": elsewhere, "odd": {"machine": 3}})
    with store.Appender(store.rows_file(timed)) as appender:

        def put(seconds, **of):
            one = replace(
                row, **{"clip": f"c{seconds}", "env": "here", "seconds": {"read": 1.0, "restore": seconds}, **of}
            )
            place = (one.dataset, one.split, one.clip)
            appender.row(replace(one, key=job(one.method, one.contents or one.weights, place, one.protocol_key).key))

        for seconds in (8.0, 9.0, 13.0):
            put(seconds)
        put(1.0, env="there")
        put(2.0, env="odd")
        put(3.0, env="not there")
        put(4.0, weights_sha256="ab" * 32)
        put(5.0, how={**row.how, "device": "cuda"})
        put(6.0, method="blend+bicubic [bf16]")
    found = forecast(replace(spec, limit=0, out=tmp_path / "new"), (timed,))
    (one,) = found.estimates
    assert (one.seconds_per_clip, one.measured_on, one.not_used) == (10.0, 3, 5)
    assert found.hours(1) == 2 * 10 / 3600
    (half,) = forecast(
        replace(spec, out=tmp_path / "new", settings=replace(spec.settings, device="cuda")), (timed,)
    ).estimates
    assert (half.seconds_per_clip, half.not_used) == (6.0, 7)


def test_a_plan_says_what_it_does_not_use(noise_clips, tmp_path, capsys):
    clips = str(noise_clips(1, 3, (16, 16)))
    assert (
        call(["run", "-m", "blend+bicubic", "-d", clips, "-o", str(tmp_path / "r"), "--save-frames", "none", "-q"]) == 0
    )
    env = store.read_json(tmp_path / "r" / "env.json")
    for facts in env.values():
        facts["machine"]["host"] = "another"
    store.write_json(tmp_path / "r" / "env.json", env)
    capsys.readouterr()
    call(["plan", "-m", "blend+bicubic", "-d", clips, "-o", str(tmp_path / "new"), "--timed", str(tmp_path / "r")])
    said = capsys.readouterr().out
    assert "never timed here, 1 row of other weights, machines or devices not used" in said and "time: unknown" in said
