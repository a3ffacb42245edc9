"""The rules of the wire: a device that keeps them passes, each breach is caught by the check that is named after it."""

import asyncio
import struct
from collections.abc import Callable

import pytest
from pymodbus.framer import FramerRTU

from drivers.modbus.channel import Inbox
from firmware_py.conform.checks import Result
from firmware_py.conform.wire import NAMES, NO_FUNCTION, Wire, look_at, not_asked
from protocols.modbus import read
from protocols.ports import Table
from sim_hardware.virtual_time import run_virtual

UNIT, REGISTERS = 7, 200
KNOWN = read(UNIT, Table.INPUT, 0, 2)
Device = Callable[[bytes], bytes | None]  # the PDU of the answer to a PDU


def obedient(pdu: bytes) -> bytes | None:
    """V1.1b3, figures of 6.4 and 7: function, then quantity, then address."""
    if pdu[0] != 4:
        return bytes((pdu[0] | 0x80, 1))
    address, count = struct.unpack_from(">HH", pdu, 1)
    if not 1 <= count <= 125:
        return bytes((0x84, 3))
    if address + count > REGISTERS:
        return bytes((0x84, 2))
    return bytes((4, 2 * count)) + bytes(2 * count)


class Served:
    """A device on a wire; `breaks` names what it does wrong."""

    def __init__(self, breaks: str, *, is_tcp: bool) -> None:
        self._breaks, self._is_tcp, self.inbox, self.opened = breaks, is_tcp, Inbox(), 0

    async def open(self) -> "Served":
        self.inbox, self.opened = Inbox(), self.opened + 1
        return self

    def write(self, data: bytes) -> None:
        for at, (head, unit, pdu) in enumerate(self._requests(data)):
            if unit != UNIT and self._breaks != "own unit only":
                continue
            if at and self._breaks == "second ignored":
                continue
            answer = self._answer(pdu)
            if answer is None:
                self.inbox.end("the peer hung up")
            elif answer:
                self._send(head, unit, answer, at)

    def _requests(self, data: bytes) -> list[tuple[bytes, int, bytes]]:
        if not self._is_tcp:
            good = FramerRTU.compute_CRC(data[:-2]).to_bytes(2, "big") == data[-2:]
            return [(b"", data[0], data[1:-2])] if good or self._breaks == "check sum" else []
        found = []
        while data:
            size = struct.unpack_from(">H", data, 4)[0]
            found.append((data[:2], data[6], data[7 : 6 + size]))
            data = data[6 + size :]
        return found

    def _answer(self, pdu: bytes) -> bytes | None:
        match self._breaks:
            case "unknown function" if pdu[0] == NO_FUNCTION:
                return b""
            case "hangs up" if pdu[0] == NO_FUNCTION:
                return None
            case "beyond the end" if pdu[1:3] == b"\xff\xff":
                return bytes((4, 4)) + bytes(4)
            case "125 registers" if pdu[4:] == b"\x7d":
                return bytes((4, 50)) + bytes(50)
            case "answers afterwards" if pdu[4:] == b"\x7d":
                self._breaks = "dead"
            case "dead":
                return b""
            case _:
                pass
        return obedient(pdu)

    def _send(self, head: bytes, unit: int, pdu: bytes, at: int) -> None:
        if self._is_tcp:
            head = b"\x12\x34" if at and self._breaks == "two at once" else head
            data = head + struct.pack(">HHB", 0, len(pdu) + 1, unit) + pdu
        else:
            body = bytes((unit,)) + pdu
            data = body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
        asyncio.get_running_loop().call_later(0.02, self.inbox.put, data)

    async def some(self) -> bytes:
        return await self.inbox.some()

    def drain(self) -> bytes:
        return self.inbox.drain()

    @property
    def ended(self) -> bool:
        return self.inbox.ended

    def close(self) -> None:
        self.inbox.end("closed here")


def judged(breaks: str = "", *, is_tcp: bool) -> dict[str, tuple[Result, str]]:
    async def main() -> dict[str, tuple[Result, str]]:
        wire = Wire(Served(breaks, is_tcp=is_tcp).open, KNOWN, is_tcp=is_tcp, timeout_s=1.0, gap_s=0.004)
        found = {check.name.removeprefix("wire: "): (check.result, check.said) for check in await look_at(wire)}
        wire.close()
        return found

    return run_virtual(main(), horizon_s=100.0)


@pytest.mark.parametrize("is_tcp", [True, False])
def test_a_device_that_keeps_the_rules_passes(is_tcp: bool) -> None:
    found = judged(is_tcp=is_tcp)
    not_for_it = {"check sum"} if is_tcp else {"two at once"}
    assert {name for name, (result, _) in found.items() if result is Result.PASSED} == {
        *NAMES,
        "answers afterwards",
    } - not_for_it
    assert {found[name][0] for name in not_for_it} == {Result.NOT_ASKED}


@pytest.mark.parametrize(
    ("name", "is_tcp", "said"),
    [
        ("own unit only", False, "unit 247: function 4 with 5 bytes, unit 246: function 4 with 5 bytes"),
        ("check sum", False, "function 4 with 5 bytes"),
        ("unknown function", False, "function 99: silent"),
        ("unknown function", True, "function 99: silent"),
        ("beyond the end", True, "2 registers at 65535: function 4 with 5 bytes"),
        ("125 registers", False, "125 registers at 0: function 4 with 51 bytes"),
        ("two at once", True, "answers to the transactions [25094, 4660], asked were [25094, 25095]"),
        ("answers afterwards", False, "silent"),
    ],
)
def test_each_breach_is_caught_by_its_check(name: str, is_tcp: bool, said: str) -> None:
    found = judged(name, is_tcp=is_tcp)
    assert {each for each, (result, _) in found.items() if result is Result.FAILED} == {name}
    assert found[name][1].endswith(said)


def test_on_tcp_it_is_left_open_whether_the_unit_counts() -> None:
    result, said = judged("own unit only", is_tcp=True)["own unit only"]
    assert result is Result.NOT_POSSIBLE
    assert "Modbus TCP leaves open" in said


def test_one_request_at_a_time_is_no_breach_and_is_told() -> None:
    result, said = judged("second ignored", is_tcp=True)["two at once"]
    assert (result, said) == (Result.PASSED, "one of the two answered: one request at a time")


def test_a_device_that_hangs_up_is_connected_to_again() -> None:
    found = judged("hangs up", is_tcp=True)
    assert {name for name, (result, _) in found.items() if result is Result.FAILED} == {"unknown function"}


def test_what_was_not_asked_for_is_on_the_certificate_with_its_reason() -> None:
    checks = not_asked("--no-wire was given")
    assert {(check.result, check.said) for check in checks} == {(Result.NOT_ASKED, "--no-wire was given")}
    assert [check.name for check in checks] == [f"wire: {name}" for name in (*NAMES, "answers afterwards")]
