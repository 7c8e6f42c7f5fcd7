"""A real scheduler and worker processes on 127.0.0.1: one is killed, one joins late, nothing is lost or doubled."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stvsr_bench import environment, notes, plugins
from stvsr_bench.data.frames import write_png
from stvsr_bench.errors import NotRunnableError, UsageError
from stvsr_bench.rows import store
from stvsr_bench.runner import execute as runner
from stvsr_bench.runner.engines import dask as dask_engine
from stvsr_bench.runner.engines import places
from stvsr_bench.runner.engines.tasks import Outcome
from stvsr_bench.runner.plan import RunSpec, make

pytest.importorskip("distributed", reason="the extra [cluster] is not installed")

METHOD = """
import time, torch, torch.nn.functional as F
CARD = {"title": "Toy", "net": "restore", "call": "function", "kind": "stvsr", "learned": False}

def restore(lr_BTChw):
    time.sleep(0.2)
    dense = lr_BTChw.repeat_interleave(2, dim=1)[:, :-1]
    return F.interpolate(dense.flatten(0, 1), scale_factor=4).unflatten(0, dense.shape[:2])
"""


@pytest.fixture
def spec(tmp_path, noise_clips, monkeypatch):
    monkeypatch.setitem(plugins._included, "methods", {})
    path = tmp_path / "toy.py"
    path.write_text(METHOD)
    plugins.include(path)
    return RunSpec(
        methods=("toy",),
        datasets=(str(noise_clips(24, 3, (16, 16))),),
        out=tmp_path / "local",
        include=(path,),
        save_frames="none",
        threads=1,
    )


@pytest.fixture
def cluster():
    """Starts a scheduler and workers; whatever was started is stopped, however the test ends."""
    started = []

    def start(*argv):
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + argv[0], *argv[1:]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def worker(start, address, *more):
    return start("dask_worker", address, "--host", "127.0.0.1", "--nworkers", "1", "--nthreads", "1", "--no-nanny",
                 "--no-dashboard", *more)  # fmt: skip


def rows(run):
    return sorted((replace(row, seconds={}, env="") for row in store.read_rows(run)), key=lambda row: row.key)


@pytest.mark.fault("D", "a dask worker is killed, another joins late", "the rows of a local run", "0")
def test_a_killed_and_a_late_worker_lose_and_double_nothing(spec, cluster, tmp_path):
    runner.execute(spec, make(spec))
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    cluster("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    first, _ = worker(cluster, address), worker(cluster, address)
    _wait_for_workers(address, 2)

    seen = []

    def on_outcome(outcome):
        seen.append(outcome)
        if len(seen) == 4:
            os.killpg(first.pid, signal.SIGKILL)
            worker(cluster, address)

    spread = replace(spec, out=tmp_path / "dask", engine="dask", address=address)
    result = runner.execute(spread, make(spread), on_outcome)
    assert result.failures == []
    assert result.written == 24 == len(store.done(spread.out))
    assert rows(spread.out) == rows(spec.out)


def test_a_local_cluster_is_started_where_no_address_is_given(spec, tmp_path, monkeypatch):
    monkeypatch.setitem(plugins._included, "methods", {})
    path = tmp_path / "here.py"
    path.write_text(METHOD.replace("time.sleep(0.2)", "import os; assert 'MALLOC_TRIM_THRESHOLD_' not in os.environ"))
    plugins.include(path)
    spec = replace(spec, methods=("here",), include=(path,))
    own = replace(spec, out=tmp_path / "own", engine="dask", jobs=2, clips=("c00", "c01", "c02"))
    assert runner.execute(own, make(own)).written == 3


@pytest.mark.fault("D", "a dask worker with other code or libraries", "what differs is named; nothing is measured", "4")
def test_a_worker_of_other_code_or_libraries_is_refused_before_it_measures(spec, tmp_path, monkeypatch):
    planned = (("stvsr-bench code", "0" * 16), *environment.made_with()[1:])
    monkeypatch.setattr(environment, "made_with", lambda: planned)  # of this process; workers ask their own files
    own = replace(spec, out=tmp_path / "other", engine="dask", jobs=1, clips=("c00", "c01"))
    with pytest.raises(NotRunnableError, match=f"has stvsr-bench code [0-9a-f]{{16}}, not {'0' * 16}: its rows"):
        runner.execute(own, make(own))
    assert store.done(own.out) == set()


@pytest.mark.fault("D", "a clip that kills every dask worker that runs it", "that clip fails, no other", "3")
@pytest.mark.slow
def test_a_clip_that_kills_its_workers_is_the_only_one_that_fails(spec, tmp_path, monkeypatch):
    for t in range(3):
        write_png(tmp_path / "clips" / "c20" / f"{t}.png", np.full((16, 16, 3), 255, np.uint8))
    monkeypatch.setitem(plugins._included, "methods", {})
    path = tmp_path / "deadly.py"
    deadly = "import ctypes; lr_BTChw.min() < 0.99 or ctypes.CDLL(None)._exit(7)"
    path.write_text(METHOD.replace("time.sleep(0.2)", deadly))
    plugins.include(path)
    own = replace(spec, methods=("deadly",), include=(path,), out=tmp_path / "deadly-run", engine="dask", jobs=2)
    result = runner.execute(own, make(own))
    assert [(failure.task.clip, "alone as well" in failure.error) for failure in result.failures] == [("c20", True)]
    assert result.written == 23 == len(store.done(own.out))


@pytest.mark.fault("D", "no scheduler", '"no dask scheduler answers at ..."', "4")
def test_no_scheduler_is_one_sentence(spec, tmp_path, monkeypatch):
    monkeypatch.setattr("stvsr_bench.runner.engines.dask.CONNECT_S", 2)
    lost = replace(spec, out=tmp_path / "lost", engine="dask", address=f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(NotRunnableError, match="no dask scheduler answers"):
        runner.execute(lost, make(lost))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Two authorities, each with a certificate that it signed: (CA, CERT, KEY) of ours and of a stranger."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    made = []
    for name in ("ours", "stranger"):
        folder = tmp_path_factory.mktemp(name)

        def openssl(line, folder=folder):
            subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)

        key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        openssl(f"req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN={name}")
        openssl(f"req {key} -keyout key.pem -out node.csr -subj /CN=127.0.0.1")
        openssl("x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2")
        made.append({part: str(folder / f"{part}.pem") for part in ("ca", "cert", "key")})
    return made


def trust(monkeypatch, files):
    for part in ("ca", "cert", "key"):
        monkeypatch.setenv(f"STVSR_BENCH_TLS_{part.upper()}", files.get(part, ""))


@pytest.mark.fault(
    "D",
    "a scheduler behind TLS: no certificate, a stranger's, plain TCP",
    '"no dask scheduler answers at ..."',
    "4",
)
def test_a_cluster_behind_tls_gives_the_rows_of_a_local_run_and_lets_no_stranger_in(
    spec, cluster, certificates, tmp_path, monkeypatch
):
    spec = replace(spec, clips=("c00", "c01", "c02", "c03"))
    runner.execute(spec, make(spec))
    ours, stranger = certificates
    files = ["--tls-ca-file", ours["ca"], "--tls-cert", ours["cert"], "--tls-key", ours["key"]]
    port = free_port()
    address = f"tls://127.0.0.1:{port}"
    scheduler = ("--host", f"tls://127.0.0.1:{port}", "--no-dashboard", "--protocol", "tls")
    cluster("dask_scheduler", *scheduler, *files)
    worker(cluster, address, "--protocol", "tls", *files)

    trust(monkeypatch, ours)
    from stvsr_bench.runner.engines import dask

    _wait_for_workers(address, 1, dask._security(dask._distributed(), address))
    spread = replace(spec, out=tmp_path / "tls", engine="dask", address=address)
    result = runner.execute(spread, make(spread))
    assert result.failures == [] and rows(spread.out) == rows(spec.out)

    monkeypatch.setattr(dask, "CONNECT_S", 5)
    refused = replace(spread, out=tmp_path / "refused")
    trust(monkeypatch, stranger)
    with pytest.raises(NotRunnableError, match="no dask scheduler answers"):
        runner.execute(refused, make(refused))
    trust(monkeypatch, {})
    plain = replace(refused, address=f"tcp://127.0.0.1:{port}")
    with pytest.raises(NotRunnableError, match="no dask scheduler answers"):
        runner.execute(plain, make(plain))
    assert not store.done(refused.out)


@pytest.mark.fault(
    "D",
    "certificates half named, missing, or with an address that is not encrypted",
    "the variable or file is named",
    "4",
)
@pytest.mark.parametrize(
    ("files", "address", "says"),
    [
        ({"ca": "ca.pem"}, "tls://127.0.0.1:1", "TLS needs all of STVSR_BENCH_TLS_CA"),
        ({}, "tls://127.0.0.1:1", "TLS needs all of STVSR_BENCH_TLS_CA"),
        (dict.fromkeys(("ca", "cert", "key"), "no.pem"), "tls://127.0.0.1:1", r"STVSR_BENCH_TLS_CA names no\.pem"),
        (dict.fromkeys(("ca", "cert", "key"), "no.pem"), "tcp://127.0.0.1:1", "not encrypted; write tls://"),
    ],
)
def test_certificates_that_cannot_be_meant_are_one_sentence(files, address, says, spec, tmp_path, monkeypatch):
    trust(monkeypatch, files)
    asked = replace(spec, out=tmp_path / "asked", engine="dask", address=address)
    with pytest.raises(NotRunnableError, match=says):
        runner.execute(asked, make(asked))


def _wait_for_workers(address, count=0, security=None):
    from distributed import Client

    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            with Client(address, timeout=5, security=security) as client:
                if count:
                    client.wait_for_workers(count, timeout=60)
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the cluster did not start")


@pytest.mark.fault("D7", "a dask scheduler without workers", "'waiting for workers' each 20 s, for 15 minutes", "4")
@pytest.mark.fault("D7", "the scheduler dies, or stops, while clips are measured", "one sentence; rows are safe", "4")
@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)])
def test_a_scheduler_without_workers_and_one_that_goes_away(spec, cluster, tmp_path, monkeypatch, capfd, number):
    from stvsr_bench.runner.engines import dask

    said = []
    monkeypatch.setattr(notes, "_hear", [said.append])
    monkeypatch.setattr(dask, "LOOK_S", 0.2)
    monkeypatch.setattr(dask, "CONNECT_S", 5)
    monkeypatch.setattr(dask, "WORKERS_S", 1.0)
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = cluster("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    asked = replace(spec, out=tmp_path / "asked", engine="dask", address=address)
    _wait_for_workers(address)
    with pytest.raises(NotRunnableError, match=f"no worker at {address} for"):
        runner.execute(asked, make(asked))
    assert any(sentence.startswith(f"waiting for workers at {address}") for sentence in said)

    monkeypatch.setattr(dask, "WORKERS_S", 60.0)
    worker(cluster, address)
    gone = []

    def end(outcome):
        if not gone:
            gone.append(os.kill(scheduler.pid, number))

    with pytest.raises(NotRunnableError, match=r"no longer answers.*rows so far are safe"):
        runner.execute(asked, make(asked), end)
    assert 0 < len(store.done(asked.out)) < 24
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.fault("D7", "something else than a scheduler at the address", "'no dask scheduler answers at ...'", "4")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (b"", "timed out"),
        (b"HTTP/1.1 400 Bad Request\r\n", "something else does, which begins with b'HTTP/1.1'"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "begins with b'SSH-2.0-'"),
        (None, "the connection was closed"),
    ],
)
def test_what_is_no_scheduler_is_said_at_once_and_takes_no_memory(spec, tmp_path, monkeypatch, words, says):
    monkeypatch.setattr("stvsr_bench.runner.engines.dask.CONNECT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        talks = []

        def serve():
            talks.append(server.accept()[0])
            talks[0].close() if words is None else talks[0].sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        lost = replace(spec, out=tmp_path / "lost", engine="dask", address=address)
        began = time.monotonic()
        with pytest.raises(NotRunnableError, match=f"no dask scheduler answers at {address}: .*{re.escape(says)}"):
            runner.execute(lost, make(lost))
        assert time.monotonic() - began < 30
        for talk in talks:
            talk.close()


@pytest.mark.fault("D7", "`--timeout` with `--engine dask`", "refused", "2")
def test_a_time_limit_on_other_machines_is_refused(spec):
    with pytest.raises(UsageError, match="--timeout works with --engine local alone"):
        make(replace(spec, engine="dask", timeout_s=5))


def test_paths_are_absolute_for_workers_that_were_started_elsewhere(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w+1.pth").write_bytes(b"")
    setup = replace(spec, out=Path("out"), root=Path("root"), include=(Path("toy.py"),)).setup("env")
    task = replace(make(spec).tasks[0], dataset="./clips", method="rife+stdan:top_t=2@w+1.pth")
    found = places.absolute_setup(setup)
    assert (found.out, found.root, found.included) == (tmp_path / "out", tmp_path / "root", (tmp_path / "toy.py",))
    there = places.absolute_task(task)
    assert there.dataset == str(tmp_path / "clips") and there.method == f"rife+stdan:top_t=2@{tmp_path}/w+1.pth"
    assert places.absolute_task(replace(task, dataset="mini", method="stdan@mini")).method == "stdan@mini"


@pytest.mark.fault("D7", "no cluster can be started here (no /dev/shm, no descriptors)", "one sentence", "4")
def test_a_cluster_that_cannot_be_started_is_one_sentence(spec, tmp_path, monkeypatch):
    def fails(**_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("distributed.LocalCluster", fails)
    own = replace(spec, out=tmp_path / "own", engine="dask", jobs=2)
    with pytest.raises(
        NotRunnableError, match=r"a dask cluster cannot be started on this machine .*Too many open files"
    ):
        runner.execute(own, make(own))


class Promise:
    """A future that has ended so."""

    def __init__(self, status, outcomes):
        self.status, self.outcomes = status, outcomes

    def add_done_callback(self, call):
        call(self)

    def exception(self):
        return None

    def result(self):
        return self.outcomes

    def release(self):
        pass


@pytest.mark.fault("D", "a dask worker dies with rows that it finished and had not sent", "measured again", "0")
@pytest.mark.parametrize(("ends", "given"), [(["lost", "finished"], True), (["cancelled", "lost"], False)])
def test_rows_that_went_with_a_worker_are_measured_again_and_no_scheduler_is_blamed(spec, monkeypatch, ends, given):
    (task, *_) = make(spec).tasks
    cluster = dask_engine._Cluster(None, spec.setup("env"), "")
    left = list(ends)
    monkeypatch.setattr(cluster, "_submit", lambda batch: Promise(left.pop(0), [Outcome(one) for one in batch]))
    monkeypatch.setattr(cluster, "_workers", lambda: 1)
    (found,) = cluster.pulled([task], 1)
    assert found == ([task], [Outcome(task)] if given else None) and left == []


def test_a_scheduler_that_went_away_is_blamed(spec, monkeypatch):
    (task, *_) = make(spec).tasks
    client = SimpleNamespace(sync=lambda *_, **__: 1 / 0, scheduler=SimpleNamespace(identity=None))
    cluster = dask_engine._Cluster(client, spec.setup("env"), "tcp://there:1")
    monkeypatch.setattr(cluster, "_submit", lambda batch: Promise("cancelled", None))
    with pytest.raises(NotRunnableError, match="scheduler at tcp://there:1 no longer answers"):
        list(cluster.pulled([task], 1))
