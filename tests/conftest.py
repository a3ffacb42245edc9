"""What every test lives by: it leaks nothing, a unit test opens no socket, and a failure can be run again."""

import asyncio
import os
import secrets
import shlex
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

REAL_WORLD = ("system", "torture")
# Threads reap children and close sockets a moment after the test that told them to.
GRACE_S = 0.5

settings.register_profile("busbar", deadline=None, print_blob=True, derandomize=False)
# For `make check`: its examples differ each time, so what few do not find today more will find within days.
settings.register_profile("hasty", settings.get_profile("busbar"), max_examples=25)
settings.load_profile("busbar")


# Leaks


def open_lines() -> set[str]:
    """Every socket and pty this process holds, as `fd 7: socket:[4711]`."""
    lines = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own descriptor is gone by now
            target = os.readlink(f"/proc/self/fd/{fd}")
            if target.startswith(("socket:", "/dev/pts/", "/dev/ptmx")):
                lines.add(f"fd {fd}: {target}")
    return lines


def child_processes() -> set[str]:
    """Every child not reaped yet, as `child 4711: mosquitto`."""
    children = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # the thread or the child ended while we looked
            for pid in (thread / "children").read_text().split():
                children.add(f"child {pid}: {Path(f'/proc/{pid}/comm').read_text().strip()}")
    return children


def held() -> set[str]:
    return open_lines() | child_processes()


def leaked_since(before: set[str]) -> set[str]:
    deadline_s = time.monotonic() + GRACE_S
    while (leaked := held() - before) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return leaked


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves a socket, a pty, a child process or an unfinished task behind.

    Tasks are looked at when an `asyncio.Runner` closes: pytest-asyncio's, and those of `asyncio.run` inside a test.
    """
    pending: set[str] = set()
    close = asyncio.Runner.close

    def look_and_close(runner: asyncio.Runner) -> None:
        with suppress(RuntimeError):  # closed before
            pending.update(
                f"task {task.get_name()}: {task.get_coro()}" for task in asyncio.all_tasks(runner.get_loop())
            )
        close(runner)

    before = held()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.Runner, "close", look_and_close)
        yield
    if leaked := pending | leaked_since(before):
        pytest.fail("the test leaked:\n  " + "\n  ".join(sorted(leaked)), pytrace=False)


# Sockets


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let only `system` and `torture` tests open an internet socket; asyncio's own socket pair stays possible."""
    if any(request.node.get_closest_marker(name) for name in REAL_WORLD):
        yield
        return
    create = socket.socket.__init__

    def refuse(
        line: socket.socket, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None
    ) -> None:
        if fileno is None and family in (-1, socket.AF_INET, socket.AF_INET6):
            # Not an Exception, so that no `except` in the code under test can swallow it.
            pytest.fail("a unit test opened an internet socket: mark the test `system`, or give the code a fake")
        create(line, family, type, proto, fileno)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "__init__", refuse)
        yield


# Seeds

SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="seed of the tests that ask for one (else BUSBAR_SEED, else random)")


def pytest_configure(config: pytest.Config) -> None:
    seed = config.getoption("--seed")
    if seed is None:
        given = os.environ.get("BUSBAR_SEED") or str(secrets.randbits(32))
        if not given.isdecimal():
            raise pytest.UsageError(f"BUSBAR_SEED is {given!r}; it must be a whole number")
        seed = int(given)
    config.stash[SEED] = seed


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """One number for all randomness of a test; printed with the command to run it again when the test fails."""
    return pytestconfig.stash[SEED]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and isinstance(item, pytest.Function) and "seed" in item.fixturenames:
        number = item.config.stash[SEED]
        again = f".venv/bin/python -m pytest {shlex.quote(item.nodeid)} --seed {number}"
        report.sections.append(("seed", f"{number}; again with: {again}"))
    return report
