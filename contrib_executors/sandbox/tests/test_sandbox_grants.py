"""Files, folders, hosts and packages that are granted, and what isn't though it is near."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

from core_plus.errors import ExecutorError
from core_plus.executors import Setup
from core_plus_sandbox import hosts
from core_plus_sandbox.packages import cache, installed


@pytest.fixture
def place(folders):
    """A folder that every user can pass into, with one file beside and one in it."""
    place = folders / "granted"
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    (place / "inner").mkdir()
    (place / "inner" / "data.csv").write_text("a,b\n1,2\n")
    (place / "beside").write_text("secret")
    for path in place.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    yield place
    shutil.rmtree(place)


def test_a_folder_may_be_read_and_nothing_beside_it(executor_of, form, place, value, run):
    inner = place / "inner"
    session = executor_of(form, files={inner: "ro"}).open(Setup())
    assert value(session, f"open({str(inner / 'data.csv')!r}).read()") == "a,b\n1,2\n"
    for code in (
        f"open({str(inner / 'data.csv')!r}, 'a').write('x')",
        f"open({str(inner / 'new')!r}, 'w')",
        f"import os\nos.remove({str(inner / 'data.csv')!r})",
        f"import os\nos.truncate({str(inner / 'data.csv')!r}, 0)",
        f"import os\nos.rename({str(inner / 'data.csv')!r}, {str(inner / 'x')!r})",
        f"import os\nos.link({str(inner / 'data.csv')!r}, 'x')",
        f"import os\nos.symlink('/etc/passwd', {str(inner / 'x')!r})",
        f"open({str(place / 'beside')!r}).read()",
        f"import os\nos.listdir({str(place)!r})",
    ):
        assert run(session, code).error is not None, code
    assert (inner / "data.csv").read_text() == "a,b\n1,2\n"
    assert sorted(path.name for path in inner.iterdir()) == ["data.csv"]


def test_a_folder_may_be_written_but_no_trap_is_laid_in_it(executor_of, form, place, value, run):
    inner = place / "inner"
    session = executor_of(form, files={str(inner): "rw"}).open(Setup())
    value(
        session,
        f"import os\nos.chdir({str(inner)!r})\nos.mkdir('d')\nopen('d/x', 'w').write('1')\nos.rename('d/x', 'y')",
    )
    value(session, "open('data.csv', 'a').write('3,4\\n')\nos.rmdir('d')")
    assert (inner / "y").read_text() == "1"
    assert (inner / "data.csv").read_text() == "a,b\n1,2\n3,4\n"
    for code in ("os.symlink('/etc/passwd', 'l')", "os.mkfifo('f')", "os.mknod('n')"):
        assert run(session, code).error is not None, code
    assert run(session, f"open({str(place / 'beside')!r}).read()").error is not None


def test_a_single_file_may_be_granted(executor_of, form, place, value, run):
    file = place / "inner" / "data.csv"
    session = executor_of(form, files={file: "rw"}).open(Setup())
    value(session, f"open({str(file)!r}, 'w').write('new')")
    assert file.read_text() == "new"
    assert run(session, f"open({str(place / 'beside')!r}).read()").error is not None
    assert run(session, f"open({str(file) + '2'!r}, 'w')").error is not None


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"/tmp": "rx"}, "granted 'rx'; write 'ro'"),
        ({"relative": "ro"}, "absolute path"),
        ({"/no/such/thing": "ro"}, "that exists"),
        ({"/": "ro"}, "can't be granted"),
        ({"/proc/self": "ro"}, "can't be granted"),
        ({"/sys": "rw"}, "can't be granted"),
    ],
)
def test_a_grant_that_is_none_is_refused(executor_of, files, text):
    with pytest.raises(ExecutorError, match=text):
        executor_of(files=files)


# -- hosts


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"x" * 300_000 if self.path == "/large" else b"hello"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            size = len(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(str(size).encode())

        def log_message(self, *args):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


WAYS = {
    "urllib": "import urllib.request\nurllib.request.urlopen('{url}').read().decode()",
    "http.client": "import http.client\nc = http.client.HTTPConnection('127.0.0.1', {port}, timeout=5)\n"
    "c.request('GET', '/')\nc.getresponse().read().decode()",
    "httpx": "import httpx\nhttpx.get('{url}').text",
    "httpx, awaited": "import httpx\nasync with httpx.AsyncClient() as c: r = await c.get('{url}')\nr.text",
    "asyncio": "import asyncio\nr, w = await asyncio.open_connection('127.0.0.1', {port})\n"
    "w.write(b'GET / HTTP/1.0\\r\\n\\r\\n')\ntext = (await r.read()).decode()[-5:]\nw.close()\ntext",
    "a plain socket": "import socket\ns = socket.socket()\ns.connect(('127.0.0.1', {port}))\n"
    "s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\nt = b''\nwhile d := s.recv(100): t += d\nt.decode()[-5:]",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_host_that_was_granted_is_reached_by_ordinary_means(executor_of, form, server, value, way):
    session = executor_of(form, hosts=[f"127.0.0.1:{server}"]).open(Setup())
    code = WAYS[way].format(port=server, url=f"http://127.0.0.1:{server}/")
    assert value(session, code) == "hello"
    session.close()


def test_much_goes_both_ways(executor_of, form, server, value):
    session = executor_of(form, hosts=[f"localhost:{server}"]).open(Setup())
    assert (
        value(session, f"import urllib.request as u\nlen(u.urlopen('http://localhost:{server}/large').read())")
        == 300_000
    )
    assert value(session, f"int(u.urlopen('http://localhost:{server}/', data=b'x' * 400_000).read())") == 400_000


def test_no_other_host_or_port_is_reached(executor_of, form, server, run):
    session = executor_of(form, hosts=["localhost:1", f"example.invalid:{server}"]).open(Setup())
    for address in (f"127.0.0.1:{server}", f"localhost:{server}", f"0.0.0.0:{server}", f"[::1]:{server}"):
        error = run(session, f"import urllib.request\nurllib.request.urlopen('http://{address}/')").error
        assert error is not None
        assert "these may: localhost:1" in error.message


def test_the_host_checks_whatever_the_sandbox_sends(executor_of, form, server, run):
    session = executor_of(form, hosts=["localhost:1"]).open(Setup())
    ask = "import socket as n, os\ns = n.socket(n.AF_UNIX, n.SOCK_SEQPACKET, 0, os.dup(4))\ns.send({!r})\ns.recv(1000)"
    for request in (
        f'["127.0.0.1", {server}]',
        '["localhost", "1"]',
        "{}",
        "[" * 4000,
        '["localhost", true, 1]',
        "\xff",
    ):
        done = run(session, ask.format(request.encode("latin-1")))
        assert done.error is None
        assert done.value.startswith(b"[")
        assert done.value != b"[]"
    assert run(session, "1 + 1").value == 2


def test_a_name_that_leads_home_is_refused():
    for address in (
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "0.0.0.0",
    ):
        with pytest.raises(PermissionError, match="private address"):
            hosts.check_address("api.example.com", address)
    hosts.check_address("api.example.com", "93.184.216.34")
    hosts.check_address("127.0.0.1", "127.0.0.1")


def test_closing_the_executor_ends_its_thread(executor_of, server, value):
    executor = executor_of(hosts=[f"localhost:{server}"])
    session = executor.open(Setup())
    value(session, f"import socket\ns = socket.create_connection(('localhost', {server}))\n1")
    session.close()
    executor.close()
    assert [thread.name for thread in threading.enumerate() if "core-plus-sandbox" in thread.name] == []


@pytest.mark.parametrize(
    "host", ["example.com", "example.com:", "example.com:0", "http://example.com:80", "a b:80", ":80"]
)
def test_a_host_that_is_none_is_refused(executor_of, host):
    with pytest.raises(ExecutorError, match=r"must be a name, a colon and a port"):
        executor_of(hosts=[host])


def test_names_beneath_a_star_are_meant():
    assert hosts.matches("api.example.com", "*.example.com:443")
    assert not hosts.matches("example.com", "*.example.com:443")
    assert not hosts.matches("badexample.com", "*.example.com:443")


# -- packages


@pytest.fixture
def wheel(folders, monkeypatch):
    """A wheel of our own, and a cache of our own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(folders / "cache"))
    file = folders / "shinything-1.0-py3-none-any.whl"
    info = "shinything-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("shinything.py", "def shine(): return 'bright'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: shinything\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    yield str(file)
    shutil.rmtree(folders / "cache", ignore_errors=True)
    file.unlink()


def test_packages_are_installed_by_the_host_and_only_read_by_code(executor_of, form, wheel, value, run):
    session = executor_of(form, packages=[wheel]).open(Setup())
    assert value(session, "import shinything\nshinything.shine()") == "bright"
    assert run(session, "open(shinything.__file__, 'a').write('x')").error is not None
    other = executor_of(form).open(Setup())
    assert run(other, "import shinything").error is not None


def test_what_was_installed_once_is_found_again(wheel, monkeypatch):
    folder = installed([wheel])
    assert [path.name for path in cache().iterdir()] == [Path(folder).name]
    monkeypatch.setattr("core_plus_sandbox.packages.run", lambda *_: pytest.fail("it was installed twice"))
    assert installed([wheel]) == folder


def test_a_package_can_be_preloaded(executor_of, form, wheel, value):
    session = executor_of(form, packages=[wheel], preload=["shinything"]).open(Setup())
    assert value(session, "import sys\n'shinything' in sys.modules") is True


def test_what_cant_be_installed_is_said_and_leaves_nothing(wheel, executor_of, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    with pytest.raises(ExecutorError, match=r"packages: no-such-thing==1 can't be installed: (?s:.*)"):
        executor_of(packages=["no-such-thing==1"]).open(Setup())
    assert list(cache().iterdir()) == []


@pytest.mark.parametrize(
    "package", ["--index-url=http://x", "-r x", "git+https://x/y", "x @ http://y", "a;b", "", "/no.whl"]
)
def test_only_names_with_versions_and_wheels_are_packages(package):
    with pytest.raises(ExecutorError, match="must be a name"):
        installed([package])


def test_the_installers_address_isnt_told_with_its_password(monkeypatch, wheel):
    def fail(*args, **kwargs):
        return subprocess.CompletedProcess(args, 1, "", "no answer from https://user:secret@index.example/simple")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ExecutorError) as failure:
        installed(["thing"])
    assert "secret" not in str(failure.value)
    assert "index.example" in str(failure.value)
