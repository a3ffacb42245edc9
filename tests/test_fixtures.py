"""The root fixtures, tried on suites that break the rules: each must fail, and say why."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
PREAMBLE = """
import asyncio, os, random, socket, subprocess, threading
import pytest
kept = []
"""

LEAKS = {
    "task": (
        "async def test_task(): kept.append(asyncio.create_task(asyncio.sleep(60), name='stray'))",
        r"task stray: <coroutine object sleep",
    ),
    "task_of_asyncio_run": (
        """
async def leave(): kept.append(asyncio.create_task(asyncio.sleep(60), name='stray'))
def test_task_of_asyncio_run(): asyncio.run(leave())
""",
        r"task stray: <coroutine object sleep",
    ),
    "socket": ("def test_socket(): kept.extend(socket.socketpair())", r"fd \d+: socket:"),
    "listening_socket": (
        "@pytest.mark.system\ndef test_listening_socket(): kept.append(socket.create_server(('127.0.0.1', 0)))",
        r"fd \d+: socket:",
    ),
    "pty": ("def test_pty(): os.openpty()", r"fd \d+: /dev/"),
    "child": ("def test_child(): kept.append(subprocess.Popen(['cat'], stdin=subprocess.PIPE))", r"child \d+: cat"),
    "zombie": ("def test_zombie(): kept.append(subprocess.Popen(['true']))", r"child \d+: "),
}

CLEAN = {
    "task_cancelled_by_its_fixture": """
@pytest.fixture
async def pump():
    task = asyncio.create_task(asyncio.sleep(60))
    yield task
    task.cancel()
    await asyncio.wait([task])

async def test_task_cancelled_by_its_fixture(pump): assert not pump.done()
""",
    "child_reaped": """
async def test_child_reaped():
    child = await asyncio.create_subprocess_exec("true")
    await child.wait()
""",
    "server_and_client_closed": """
@pytest.mark.system
async def test_server_and_client_closed():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
""",
    "socket_closed_a_moment_later": """
def test_socket_closed_a_moment_later():
    ours, theirs = socket.socketpair()
    ours.close()
    threading.Timer(0.1, theirs.close).start()
""",
    "internet_in_system": "@pytest.mark.system\ndef test_internet_in_system(): socket.socket().close()",
    "internet_in_torture": "@pytest.mark.torture\ndef test_internet_in_torture(): socket.socket().close()",
}

INTERNET = {
    "ipv4": "def test_ipv4(): socket.socket()",
    "ipv6": "def test_ipv6(): socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "listen": "def test_listen(): socket.create_server(('127.0.0.1', 0))",
    "connect": "async def test_connect(): await asyncio.open_connection('127.0.0.1', 1)",
    "swallowed": "def test_swallowed():\n    try: socket.socket()\n    except Exception: pass",
}

Verdicts = dict[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """What our configuration and our conftest said of every test above: its failures and errors, with their text.

    In a process of its own, because the leaks are real; in one, because starting pytest takes a second.
    """
    suite = tmp_path_factory.mktemp("suite")
    for name, text in {
        "pyproject.toml": (HERE.parent / "pyproject.toml").read_text(),
        "conftest.py": (HERE / "conftest.py").read_text(),
        "test_it.py": "\n".join([PREAMBLE, *(body for body, _ in LEAKS.values()), *CLEAN.values(), *INTERNET.values()]),
    }.items():
        (suite / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=report.xml", "test_it.py"]
    subprocess.run(command, cwd=suite, capture_output=True, check=False)
    return {
        case.attrib["name"].removeprefix("test_"): [
            (part.tag, part.attrib["message"] + (part.text or "")) for part in case if part.tag in ("failure", "error")
        ]
        for case in ElementTree.parse(suite / "report.xml").iter("testcase")
    }


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_fails_the_test_that_made_it(verdicts: Verdicts, name: str) -> None:
    [(kind, text)] = verdicts[name]
    assert kind == "error"
    assert re.search(rf"the test leaked:\s+{LEAKS[name][1]}", text), text


@pytest.mark.parametrize("name", CLEAN)
def test_who_cleans_up_passes(verdicts: Verdicts, name: str) -> None:
    assert verdicts[name] == []


@pytest.mark.parametrize("name", INTERNET)
def test_a_unit_test_opens_no_internet_socket(verdicts: Verdicts, name: str) -> None:
    [(kind, text)] = verdicts[name]
    assert kind == "failure"
    assert "a unit test opened an internet socket: mark the test `system`" in text


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty suite under our own configuration and our own conftest."""
    pytester.makepyprojecttoml((HERE.parent / "pyproject.toml").read_text())
    pytester.makeconftest((HERE / "conftest.py").read_text())
    return pytester


def run(suite: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    path = suite.makepyfile(test_it=PREAMBLE + body)
    return suite.runpytest_inprocess("-p", "no:cacheprovider", *options, path)


DRAW = "def test_it(seed): assert random.Random(seed).random() < 0, f'drew {random.Random(seed).random()}'"


def drawn(result: pytest.RunResult) -> tuple[int, str]:
    """The seed in the command the report advises, and what the test drew with it."""
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    seed = re.search(r"again with: .*pytest test_it.py::test_it --seed (\d+)$", text, re.MULTILINE)
    draw = re.search(r"AssertionError: (drew \S+)", text)
    assert seed, text
    assert draw, text
    return int(seed[1]), draw[1]


def test_a_failure_prints_a_seed_that_repeats_it(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUSBAR_SEED", raising=False)
    first = drawn(run(suite, DRAW))
    assert drawn(run(suite, DRAW, "--seed", str(first[0]))) == first
    assert drawn(run(suite, DRAW)) != first


def test_the_option_beats_the_environment(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSBAR_SEED", "7")
    assert drawn(run(suite, DRAW))[0] == 7
    assert drawn(run(suite, DRAW, "--seed", "0"))[0] == 0


def test_a_bad_seed_is_refused(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSBAR_SEED", "seven")
    run(suite, DRAW).stderr.fnmatch_lines(["*BUSBAR_SEED is 'seven'; it must be a whole number*"])


def test_a_skip_prints_its_reason(suite: pytest.Pytester) -> None:
    result = run(suite, "@pytest.mark.skip(reason='no meter here')\ndef test_it(): pass")
    result.stdout.fnmatch_lines(["SKIPPED *: no meter here"])


def test_an_unknown_marker_fails(suite: pytest.Pytester) -> None:
    result = run(suite, "@pytest.mark.sytsem\ndef test_it(): pass")
    result.stdout.fnmatch_lines(["*'sytsem' not found in `markers`*"])


def test_a_warning_fails_the_test(suite: pytest.Pytester) -> None:
    run(suite, "import warnings\ndef test_it(): warnings.warn('old')").assert_outcomes(failed=1)
