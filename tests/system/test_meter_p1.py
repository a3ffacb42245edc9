"""The meter's P1 port on a real pty, read by our own P1 meter driver."""

import asyncio

import pytest

from drivers.links import open_stream
from firmware_py.clock import SystemClock
from firmware_py.meter.p1_face import P1Face
from firmware_py.supervise import ended
from protocols.p1 import P1Reader
from protocols.p1_telegram import BAUD, p1_telegram
from protocols.telegrams import Telegram
from sim_hardware.faces.pty_line import PtyLine
from tests.system.eventually import eventually

pytestmark = pytest.mark.system


async def test_a_telegram_a_second_comes_out_of_a_serial_port() -> None:
    heard = bytearray()
    line = PtyLine(heard.extend)
    clock = SystemClock()
    values = {"power_w": 1500.0, "energy_import_wh": 1234.0}
    stream = open_stream(f"serial://{line.path}", 5.0, BAUD)
    task = asyncio.create_task(P1Face(stream, lambda: p1_telegram("BB-7", clock.utc(), values), clock).run())
    try:
        await eventually("two telegrams", lambda: heard.count(b"!") >= 2)
    finally:
        await ended(task)
        line.close()
    events = P1Reader().feed(bytes(heard[: heard.rfind(b"!")]))
    telegrams = [event for event in events if isinstance(event, Telegram)]
    assert dict(telegrams[0].values) == values


async def test_a_line_that_is_not_there_is_waited_for() -> None:
    stream = open_stream("serial:///dev/nothing-here", 1.0, BAUD)
    task = asyncio.create_task(P1Face(stream, bytes, SystemClock()).run())
    await asyncio.sleep(0)
    done, _ = await asyncio.wait([task], timeout=0.2)
    assert not done
    await ended(task)
