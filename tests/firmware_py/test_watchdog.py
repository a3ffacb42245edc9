"""The watchdog speaks sd_notify(3) to a real datagram socket, and is silent without one."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_py.watchdog import watchdog


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield line


def test_the_first_cycle_says_ready_and_each_feeds_the_dog(manager: socket.socket) -> None:
    finished = watchdog()
    finished()
    finished()
    assert manager.recv(100) == b"READY=1\nWATCHDOG=1"
    assert manager.recv(100) == b"WATCHDOG=1"


def test_no_cycle_no_food(manager: socket.socket) -> None:
    watchdog()
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_without_a_manager_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    watchdog()()


def test_a_manager_that_went_away_stops_nothing(manager: socket.socket, tmp_path: Path) -> None:
    finished = watchdog()
    (tmp_path / "notify").unlink()
    finished()
