"""What the ear makes of single events on a Modbus line."""

import pytest

from drivers.recording.transcript import ModbusTranscript
from protocols.modbus import Request, read, write, write_single
from protocols.modbus_requests import rtu_reply
from protocols.modbus_rtu import rtu_frame
from protocols.modbus_tcp import tcp_frame
from protocols.ports import Table
from protocols.recording import GotDone, GotDown, GotHungUp, GotRefused, GotSilent, GotStray, GotWords, Line
from sim_hardware.replay.device import Framing
from sim_hardware.replay.player import Player
from tests.drivers import slaves
from tests.drivers.recording.test_faults_again import on_disk

READ, OTHER = read(1, Table.HOLDING, 20, 2), read(1, Table.HOLDING, 30, 2)
ASK, OTHER_ASK = "01 03 0014 0002", "01 03 001e 0002"


class Bench:
    """A transcript, its lines, and the hand that moves its clock."""

    def __init__(self, framing: Framing = Framing.RTU) -> None:
        self.lines: list[Line] = []
        self.now_s = 100.0
        self._framing = framing
        self.ear = ModbusTranscript(
            self.lines.append, lambda: self.now_s, is_tcp=framing is Framing.TCP, timeout_s=1.0, models={1: "sdm630"}
        )

    def at(self, t: float) -> "Bench":
        self.now_s = 100.0 + t
        return self

    def asks(self, request: Request) -> None:
        self.ear.sent(tcp_frame(request, 7) if self._framing is Framing.TCP else rtu_frame(request))


def test_silence_as_the_next_request_tells_however_long_was_waited() -> None:
    """A driver that has learnt how quick a device is waits for less than its time-out."""
    bench = Bench()
    bench.at(1.0).asks(READ)
    bench.at(1.2).ear.closed()
    assert bench.lines == []
    bench.at(1.3).asks(OTHER)
    bench.at(1.31).ear.heard(slaves.rtu(OTHER), awaited=True)
    assert bench.lines == [GotSilent(1.0, ASK), GotWords(1.3, OTHER_ASK, 0.01, words="0406 0407")]


@pytest.mark.parametrize(("waited_s", "lines"), [(0.5, []), (1.0, [GotSilent(1.0, ASK)])])
def test_a_recording_that_ends_in_the_middle_is_no_silence(waited_s: float, lines: list[Line]) -> None:
    bench = Bench()
    bench.at(1.0).asks(READ)
    bench.at(1.0 + waited_s).ear.closed()
    assert bench.lines == lines


def test_no_line_and_a_line_that_ends() -> None:
    bench = Bench(Framing.TCP)
    bench.at(1.0).ear.failed("no connection")
    bench.at(2.0).asks(READ)
    bench.at(2.5).ear.ended("the peer hung up")
    assert bench.lines == [GotDown(1.0, why="no connection"), GotHungUp(2.0, ASK, 0.5, why="the peer hung up")]


@pytest.mark.parametrize("request_", [write(1, 20, (7, 8)), write_single(1, 20, 7)])
def test_writes(request_: Request) -> None:
    bench = Bench()
    bench.at(1.0).asks(request_)
    bench.at(1.1).ear.heard(slaves.rtu(request_), awaited=True)
    bench.at(2.0).asks(request_)
    bench.at(2.1).ear.heard(rtu_reply(1, bytes((request_.function | 0x80, 3))), awaited=True)
    ask = "01 06 0014 0007" if request_.count == 1 else "01 10 0014 0002 0007 0008"
    assert bench.lines == [GotDone(1.0, ask, 0.1), GotRefused(2.0, ask, 0.1, code=3)]
    player = Player(on_disk(Framing.RTU, bench.lines))
    assert player.answer(request_, 50.0).pdu == request_.pdu[:5]
    assert player.answer(request_, 51.1).pdu == bytes((request_.function | 0x80, 3))
    other = write(1, 20, (7, 9))
    assert player.answer(other, 51.1).pdu == b"\x90\x01"
    assert list(player.unknown) == [str(other)]


def test_an_echo_of_function_6_is_the_reply_and_a_stray() -> None:
    request = write_single(1, 20, 7)
    bench = Bench()
    bench.at(1.0).asks(request)
    bench.at(1.1).ear.heard(rtu_frame(request), awaited=True)
    bench.at(1.2).ear.heard(rtu_frame(request), awaited=True)
    bench.at(2.0).asks(READ)
    assert bench.lines == [
        GotDone(1.0, "01 06 0014 0007", 0.1),
        GotStray(1.2, hex=rtu_frame(request).hex()),
    ]


def test_what_comes_before_any_request_is_noise() -> None:
    bench = Bench()
    bench.ear.heard(b"\x00\xff", awaited=False)
    bench.ear.closed()
    assert bench.lines == []
