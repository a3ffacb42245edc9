"""The step lock on a socket: TCP or Unix, one simulator, JSON lines. No login: bind it to loopback or a lab's own network."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from firmware_py.hil.frames import (
    LONGEST_BYTES,
    PROTOCOL,
    Answer,
    End,
    Frame,
    Hello,
    Refusal,
    parse,
)
from firmware_py.hil.pace import Pace
from firmware_py.hil.session import Plan
from protocols.contracts import utc_text
from sim_hardware.foreign import GIVES, TAKES

_T = TypeVar("_T")


def hello(plan: Plan, pace: Pace) -> Hello:
    """The first word of a session."""
    node, start = plan.loaded.home.node.id, utc_text(plan.start)
    return Hello(PROTOCOL, node, start, plan.step_s, pace.deadline_s, dict(TAKES), list(GIVES))


class SocketExchange:
    """Implements `drive.Exchange` on a connected socket."""

    def __init__(self, line: socket.socket, first: Hello) -> None:
        self._line, self._reader = line, line.makefile("rb")
        self._say(first)

    def next(self) -> Frame | None:
        """The next line; None at the end of the stream, and after a line too long to be one of ours."""
        try:
            line = self._reader.readline(LONGEST_BYTES + 1)
        except ConnectionError:
            return None
        if not line:
            return None
        if len(line) > LONGEST_BYTES:
            self.refuse(f"a line of more than {LONGEST_BYTES} bytes: the session ends")
            return None
        frame = parse(line)
        return None if isinstance(frame, End) else frame

    def answer(self, full: Answer) -> None:
        """Say it."""
        self._say(full)

    def refuse(self, why: str) -> None:
        """Say it."""
        self._say(Refusal(why))

    def close(self) -> None:
        """Let go of the socket's reader; the socket is its owner's."""
        self._reader.close()

    def _say(self, what: object) -> None:
        with contextlib.suppress(ConnectionError):  # a simulator that has gone is found out by the next read
            self._line.sendall(msgspec.json.encode(what) + b"\n")


def address(url: str) -> tuple[str, int] | str:
    """Host and port of `tcp://host:port`, or the path of `unix:///path`; ValueError says what is allowed."""
    parts = urlsplit(url)
    if parts.scheme == "unix" and not parts.netloc and parts.path:
        return parts.path
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "tcp" or not parts.hostname or port is None or parts.path:
        raise ValueError(f"{url!r}: tcp://HOST:PORT (port 0: a free one) or unix:///PATH is allowed")
    return parts.hostname, port


@contextmanager
def listening(url: str) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket and the address at which simulators find it; OSError where there can be none."""
    where = address(url)
    if isinstance(where, str):
        with socket.socket(socket.AF_UNIX) as line:
            line.bind(where)
            line.listen(1)
            try:
                yield line, url
            finally:
                Path(where).unlink(missing_ok=True)
        return
    with socket.create_server(where, backlog=1) as line:
        yield line, f"tcp://{where[0]}:{line.getsockname()[1]}"


@contextmanager
def accepted(listener: socket.socket) -> Iterator[socket.socket]:
    """The one simulator that connects; nobody else is let in beside it."""
    line, _ = listener.accept()
    with line:
        _no_delay(line)
        listener.close()
        yield line


def _no_delay(line: socket.socket) -> None:
    """A frame is small and waited for: Nagle's algorithm would hold it back for 40 ms."""
    if line.family != socket.AF_UNIX:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class NotTaken(Exception):
    """The node refused a frame; the message is its own."""


class Simulator:
    """The other side: a foreign simulator's client, for tests and for simulators in Python; a context manager."""

    def __init__(self, line: socket.socket) -> None:
        """Take over a connected socket; `hello` is what the node said first."""
        self._line, self._reader = line, line.makefile("rb")
        self._steps = 0
        self.hello = self._read(Hello)

    @classmethod
    def connect(cls, url: str, timeout_s: float = 10.0) -> "Simulator":
        """Connect to `busbar hil lock`; OSError where nobody listens."""
        where = address(url)
        if isinstance(where, str):
            line = socket.socket(socket.AF_UNIX)
            line.settimeout(timeout_s)
            line.connect(where)
        else:
            line = socket.create_connection(where, timeout_s)
        _no_delay(line)
        return cls(line)

    def step(self, values: dict[str, float | None], *messages: tuple[str, str]) -> Answer:
        """Grant one step with these values; NotTaken where the node refuses it, and the step may be tried again."""
        number = self._steps + 1
        frame = {"step": number, "t_s": number * self.hello.step_s, "values": values}
        if messages:
            frame["messages"] = [{"topic": topic, "payload": payload} for topic, payload in messages]
        self.send(msgspec.json.encode(frame))
        full = self._read(Answer)
        self._steps = number
        return full

    def send(self, line: bytes) -> None:
        """Send one line as it is."""
        self._line.sendall(line + b"\n")

    def _read(self, kind: type[_T]) -> _T:
        line = self._reader.readline()
        if not line:
            raise ConnectionError("the node has ended the session")
        raw: Any = msgspec.json.decode(line)
        if "error" in raw:
            raise NotTaken(raw["error"])
        return msgspec.convert(raw, kind)

    def close(self) -> None:
        """End the session."""
        self._reader.close()
        self._line.close()

    def __enter__(self) -> "Simulator":
        """The client itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the session."""
        self.close()
