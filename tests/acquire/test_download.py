import errno
import hashlib
import http.client
import os
import shutil
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from filelock import FileLock

from stvsr_bench.acquire import connection
from stvsr_bench.acquire import download as module
from stvsr_bench.acquire.download import Wanted, download
from stvsr_bench.errors import BenchError, DataError, NotRunnableError, UsageError

CONTENT = bytes(i * i % 251 for i in range(300_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """A server on 127.0.0.1 whose faults a test chooses."""

    daemon_threads = True
    ranges = True  # understands Range
    etag = '"one"'
    content = CONTENT
    break_after = 0  # bytes after which each connection is closed
    ends_at = None  # no byte from here on is ever sent
    breaks = 10**9  # how many connections are broken
    announced = None  # a length that is not true
    kind = "application/zip"
    status = 200
    wrong_range = False
    asked = ()
    if_range = True  # keeps If-Range, and not only Range
    encoding = ""
    location = ""  # where it redirects to
    always_206 = False  # answers 206 without Content-Range
    trickle_s = 0.0  # between two bytes
    late_s = 0.0  # before each byte of the head

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/clips.zip"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked = (*server.asked, self.headers.get("Range"))
        if server.location:
            self.send_response(302)
            self.send_header("Location", server.location)
            self.end_headers()
            return
        if server.late_s:
            self.dribble(b"HTTP/1.0 200 OK\r\nX: " + b"x" * 1000, server.late_s)
            return
        if server.status != 200:
            self.send_error(server.status)
            return
        start = self.start(server)
        if start is None:
            self.send_response(416)
            self.end_headers()
            return
        body = server.content[start:]
        told = len(body)
        body = body[: server.ends_at - start] if server.ends_at else body
        self.send_response(206 if start or server.always_206 else 200)
        if start:
            first = start + 7 if server.wrong_range else start
            self.send_header("Content-Range", f"bytes {first}-{len(server.content) - 1}/{len(server.content)}")
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.announced != "nothing":
            self.send_header("Content-Length", str(server.announced or told))
        if server.encoding:
            self.send_header("Content-Encoding", server.encoding)
        self.send_header("Content-Type", server.kind)
        self.end_headers()
        if server.trickle_s:
            self.dribble(body, server.trickle_s)
            return
        if server.break_after and server.breaks > 0:
            server.breaks -= 1
            body = body[: server.break_after]
        self.wfile.write(body)

    def start(self, server):
        asked = self.headers.get("Range")
        same = not server.if_range or self.headers.get("If-Range", server.etag) == server.etag
        if not (server.ranges and asked and same):
            return 0
        first = int(asked.removeprefix("bytes=").rstrip("-"))
        return first if first < len(server.content) else None

    def dribble(self, body, pause_s):
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(pause_s)
        except OSError:
            pass  # the client has gone

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("STVSR_BENCH_OFFLINE", raising=False)
    with Server(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def fetch(server, tmp_path):
    def fetched(sha256="", blob="", size=0, **faults):
        for name, value in faults.items():
            setattr(server, name, value)
        wanted = Wanted(server.url, tmp_path / "to" / "clips.zip", sha256, blob=blob, size=size)
        return download(wanted, pause_s=0)

    return fetched


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "to").iterdir())


def test_a_file_arrives_whole_and_alone(fetch, tmp_path, server):
    seen = []
    download(
        Wanted(server.url, tmp_path / "to" / "clips.zip", SHA256), lambda there, total: seen.append((there, total))
    )
    assert (tmp_path / "to" / "clips.zip").read_bytes() == CONTENT
    assert left(tmp_path) == ["clips.zip"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_file_that_is_there_is_not_fetched_again(fetch, server):
    fetch(SHA256)
    fetch(SHA256)
    assert len(server.asked) == 1


def test_a_server_that_breaks_off_is_asked_for_the_rest(fetch, server):
    assert fetch(break_after=100_000, breaks=2).read_bytes() == CONTENT
    assert server.asked == (None, "bytes=100000-", "bytes=200000-")


@pytest.mark.fault("F", "a download breaks off", "it continues where it was, now or in the next run", "4")
def test_a_server_that_breaks_off_for_good_leaves_a_part_that_the_next_run_goes_on_with(fetch, server, tmp_path):
    with pytest.raises(DataError, match=r"broke off after 50000 bytes .*; repeat the command to continue"):
        fetch(ends_at=50_000)
    assert "clips.zip" not in left(tmp_path)
    server.asked = ()
    assert fetch(ends_at=None).read_bytes() == CONTENT
    assert server.asked == ("bytes=50000-",)
    assert left(tmp_path) == ["clips.zip"]


def test_a_server_that_announces_more_than_it_has_does_not_go_on_for_ever(fetch, tmp_path):
    with pytest.raises(DataError, match="broke off after"):
        fetch(announced=10**6)
    assert "clips.zip" not in left(tmp_path)


def test_a_server_without_ranges_starts_again(fetch, server):
    assert fetch(ranges=False, break_after=1000, breaks=1).read_bytes() == CONTENT


def test_a_file_that_changed_in_between_is_not_mixed(fetch, server):
    with pytest.raises(DataError, match="broke off"):
        fetch(content=b"old" * 1000, announced=10**6)
    assert fetch(content=CONTENT, announced=None, etag='"two"').read_bytes() == CONTENT


def test_without_a_version_or_hash_a_part_is_not_trusted(fetch, server):
    assert fetch(etag="", break_after=100_000, breaks=1).read_bytes() == CONTENT
    assert server.asked == (None, None)
    server.asked = ()


def test_a_wrong_range_is_thrown_away(fetch):
    assert fetch(wrong_range=True, break_after=100_000, breaks=1).read_bytes() == CONTENT


def test_a_part_that_is_already_complete_is_only_checked(fetch, server, tmp_path):
    with pytest.raises(DataError, match="broke off"):
        fetch(ends_at=299_999)
    part = tmp_path / "to" / "clips.zip.part"
    part.write_bytes(CONTENT)
    assert fetch(SHA256, ends_at=None).read_bytes() == CONTENT


@pytest.mark.fault("F", "a download lies about its length", "caught by the hash", "4")
def test_a_length_that_is_too_short_is_caught_by_the_hash(fetch, tmp_path):
    with pytest.raises(DataError, match="is not the published file: its SHA-256 is"):
        fetch(SHA256, announced=1000)
    assert left(tmp_path) == []


def test_another_file_than_published_is_deleted(fetch, tmp_path):
    with pytest.raises(DataError, match="is not the published file"):
        fetch("0" * 64)
    assert "clips.zip" not in left(tmp_path)
    assert "clips.zip.part" not in left(tmp_path)


@pytest.mark.fault("F", "a download is a web page", "said; nothing is left", "4")
@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
@pytest.mark.parametrize("mark", [b"\n", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_web_page_is_not_taken_for_the_file(fetch, tmp_path, kind, mark):
    with pytest.raises(DataError, match=r"answers with a web page, not with clips\.zip"):
        fetch(kind=kind, content=mark + b"<!DOCTYPE html><title>Sign in</title>")
    assert "clips.zip" not in left(tmp_path)


def test_a_stream_of_unknown_length_is_read_to_its_end(fetch):
    assert fetch(announced="nothing").read_bytes() == CONTENT


@pytest.mark.parametrize(("status", "asked"), [(404, 1), (403, 1), (503, module.TRIES)])
def test_a_refusal_is_final_and_a_fault_of_the_server_is_tried_again(fetch, server, status, asked):
    with pytest.raises(DataError, match=str(status)):
        fetch(status=status)
    assert len(server.asked) == asked


def test_nobody_there_is_one_sentence(tmp_path):
    sentence = r"cannot be downloaded \(the server refuses the connection\); repeat the command to try again"
    with pytest.raises(DataError, match=sentence):
        download(Wanted("http://127.0.0.1:9/clips.zip", tmp_path / "clips.zip"), pause_s=0)


NETWORK = [
    (socket.gaierror(socket.EAI_NONAME, "unknown"), "the host is not known: there is no network, or the address"),
    (OSError(errno.ENETUNREACH, "unreachable"), "there is no network"),
    (OSError(errno.EHOSTUNREACH, "no route"), "no way leads to the server"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "the server refuses the connection"),
    (ConnectionResetError(errno.ECONNRESET, "reset"), "the server broke the connection off"),
    (TimeoutError("timed out"), "no answer within 30 s"),
    (OSError(errno.EPROTO, "some fault of the network"), "some fault of the network"),
]


@pytest.mark.fault("F", "a download without a network, host, answer or room", "the cause, in one sentence", "4")
@pytest.mark.parametrize(("fault", "cause"), NETWORK, ids=[type(fault).__name__ for fault, _ in NETWORK])
@pytest.mark.parametrize("when", ["connect", "answer", "read1"])
def test_a_fault_of_the_network_is_not_said_of_the_disk(fetch, monkeypatch, fault, cause, when):
    def broken(*of, **how):
        raise fault

    place, name = {
        "connect": (socket, "create_connection"),
        "answer": (http.client.HTTPConnection, "getresponse"),
        "read1": (http.client.HTTPResponse, "read1"),
    }[when]
    monkeypatch.setattr(place, name, broken)
    with pytest.raises(DataError, match=r"clips\.zip cannot be downloaded") as said:
        fetch()
    assert cause in str(said.value) and said.value.exit_code == 4


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_a_fault_of_the_disk_is_not_said_of_the_network(fetch, monkeypatch, server, code):
    def broken(*of):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(connection, "opened", broken)
    with pytest.raises(DataError, match=f"clips.zip cannot be written: {os.strerror(code)}") as said:
        fetch()
    assert said.value.exit_code == 4 and len(server.asked) == 1


def test_a_disk_without_room_is_said_before_anything_is_fetched(fetch, monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 100_000}))
    with pytest.raises(DataError, match=r"GB free, but 0\.0 GB are needed"):
        fetch()
    assert "clips.zip" not in left(tmp_path)


@pytest.mark.fault("B", "`STVSR_BENCH_OFFLINE=1`", "no verb fetches anything", "4")
def test_offline_means_offline(fetch, server, monkeypatch):
    monkeypatch.setenv("STVSR_BENCH_OFFLINE", "1")
    with pytest.raises(NotRunnableError, match="STVSR_BENCH_OFFLINE is set"):
        fetch()
    assert server.asked == ()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "clips.zip"])
def test_only_http_is_fetched(tmp_path, url):
    with pytest.raises(UsageError, match="is not an http or https address"):
        download(Wanted(url, tmp_path / "x"))


def test_two_processes_do_not_write_one_file(fetch, tmp_path):
    (tmp_path / "to").mkdir()
    with FileLock(tmp_path / "to" / "clips.zip.lock"), pytest.raises(NotRunnableError, match="another process"):
        fetch()


def test_a_place_that_cannot_be_written_is_one_sentence(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot be written"):
        download(Wanted(server.url, tmp_path / "file" / "clips.zip"))


@pytest.mark.fault("B6", "the rest of a download is of another version (ETag)", "it starts again", "0")
@pytest.mark.parametrize("later", ['"two"', ""])
def test_the_rest_of_another_version_is_not_put_behind_the_first_part(fetch, later):
    old = bytes(len(CONTENT))
    with pytest.raises(DataError, match="broke off"):
        fetch(content=old, ends_at=100_000)
    assert fetch(content=CONTENT, ends_at=None, etag=later, if_range=False).read_bytes() == CONTENT


@pytest.mark.fault("B6", "a download comes packed (gzip), or as 206 without a range", "one sentence", "4")
@pytest.mark.parametrize(
    ("fault", "sentence"),
    [({"encoding": "gzip"}, r"compressed \(gzip\)"), ({"always_206": True}, "cannot be downloaded")],
)
def test_an_answer_that_is_not_the_file_as_it_is_is_refused(fetch, tmp_path, fault, sentence):
    with pytest.raises(DataError, match=sentence):
        fetch(**fault)
    assert "clips.zip" not in left(tmp_path)


def test_an_archive_that_a_server_calls_gzip_is_taken_if_its_hash_is_right(fetch):
    assert fetch(SHA256, encoding="x-gzip").read_bytes() == CONTENT


@pytest.mark.fault("B6", "a redirect to ftp, to a file, or from https to plain http", "not followed", "4")
@pytest.mark.parametrize("to", ["ftp://127.0.0.1/clips.zip", "file:///etc/passwd", "http://example.org/clips.zip"])
def test_a_redirect_is_looked_at_before_it_is_followed(fetch, server, tmp_path, to):
    with pytest.raises(DataError, match=r"not an http or https address|plain http and no hash|is not allowed"):
        fetch(location=to)
    assert len(server.asked) == 1
    assert "clips.zip" not in left(tmp_path)


@pytest.mark.fault("B6", "plain http, and no hash of the file is known", "refused before it is asked", "4")
def test_plain_http_without_a_hash_is_refused(tmp_path, monkeypatch):
    def asked(*args):
        raise AssertionError("the network was used")

    monkeypatch.setattr(connection, "one_connection", asked)
    with pytest.raises(DataError, match=r"is plain http and no hash .* download the file by https"):
        download(Wanted("http://example.org/clips.zip", tmp_path / "clips.zip"))
    for known in ({"sha256": SHA256}, {"blob": BLOB}):
        with pytest.raises(AssertionError, match="the network was used"):
            download(Wanted("http://example.org/clips.zip", tmp_path / "clips.zip", **known))


@pytest.mark.fault("B6", "a server that sends a byte now and then, also of its head", "left after a minute or two", "4")
@pytest.mark.parametrize("fault", [{"trickle_s": 0.005}, {"late_s": 0.005}])
def test_a_server_that_trickles_is_left(fetch, monkeypatch, fault):
    monkeypatch.setattr(connection, "WINDOW_S", 0.05)
    monkeypatch.setattr(connection, "ANSWER_S", 0.1)
    with pytest.raises(DataError, match="the server is too slow"):
        fetch(**fault)


BLOB = hashlib.sha1(b"blob 300000\0" + CONTENT).hexdigest()


@pytest.mark.fault("B6", "a file of a git repository that is another (git blob id, size)", "deleted and said", "4")
def test_a_file_is_checked_by_its_git_blob_id(fetch, server, tmp_path):
    with pytest.raises(DataError, match=f"its git blob id is {BLOB}, not {'0' * 40}; it was deleted"):
        fetch(blob="0" * 40)
    with pytest.raises(DataError, match="it has 300000 bytes, not 299999"):
        fetch(blob=BLOB, size=299_999)
    assert [name for name in left(tmp_path) if not name.endswith(".lock")] == []
    assert fetch(blob=BLOB, size=300_000).read_bytes() == CONTENT
    asked = len(server.asked)
    fetch(blob=BLOB)
    assert len(server.asked) == asked, "what is there and right is not fetched again"
    (tmp_path / "to" / "clips.zip").write_bytes(b"changed")
    assert fetch(blob=BLOB).read_bytes() == CONTENT


def test_a_link_in_the_place_of_the_part_is_not_written_through(fetch, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "clips.zip.part").symlink_to(tmp_path / "victim")
    with pytest.raises(DataError, match="is a link; delete it"):
        fetch(SHA256)
    assert not (tmp_path / "victim").exists()
    with (
        pytest.raises(OSError, match="symbolic link"),
        connection.opened(tmp_path / "to" / "clips.zip.part", os.O_RDWR),
    ):
        pass


@pytest.fixture
def answers():
    """Starts a server that sends these bytes to each request, the last block again and again until nobody listens."""
    listening = []

    def start(*blocks, again=0):
        listener = socket.create_server(("127.0.0.1", 0))
        listening.append(listener)

        def serve():
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.recv(65536)
                    for block in (*blocks, *[blocks[-1]] * again):
                        connection.sendall(block)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/clips.zip"

    yield start
    for each in listening:
        each.close()


@pytest.mark.fault("B6", "a server that says no length and never ends", "left at the size that is known", "4")
def test_a_body_that_never_ends_is_left_at_the_size_that_is_known(answers, tmp_path):
    url = answers(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100_000, again=2_000)
    wanted = Wanted(url, tmp_path / "clips.zip", SHA256, size=len(CONTENT))
    with pytest.raises(DataError, match=f"is not the published file: it has more than {len(CONTENT)} bytes"):
        download(wanted, pause_s=0)
    assert not wanted.path.exists() and not wanted.part.exists()


@pytest.mark.fault("B6", "something else than a web server answers", "said; what it sent is not shown", "4")
def test_what_is_not_a_web_server_is_said_without_its_bytes(answers, tmp_path):
    url = answers(b"\x1b[31mSSH-2.0-OpenSSH_9.6\r\n\x00\x01")
    with pytest.raises(DataError, match=r"cannot be downloaded \(it is not a web server\)") as error:
        download(Wanted(url, tmp_path / "clips.zip", SHA256), pause_s=0)
    assert "SSH" not in str(error.value)
