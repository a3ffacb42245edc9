"""A mode C meter on a wire in memory, on virtual time: the order of things, and each way to fail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from drivers.telegrams.mode_c import ModeCMeter
from drivers.telegrams.stream import Stream
from protocols.faults import BadReply, LinkDown, NoReply
from protocols.ports import Nameplate
from sim_hardware.devices.iec62056 import Iec62056
from sim_hardware.virtual_time import run_virtual
from tests.drivers.wire import After, Script, Wire
from tests.sim_hardware.push_vectors import READING

METER, OTHER = Iec62056(), Iec62056(serial="00000002")
REQUEST, STAY = b"/?!\r\n", b"\x06000\r\n"


def honest(asked: bytes) -> Sequence[After]:
    return [After(0.4, METER.identification if asked == REQUEST else METER(READING))]


def play(script: Script, film: Callable[[ModeCMeter, Wire], Awaitable[None]]) -> None:
    async def whole() -> None:
        wire = Wire(script, follows=False)
        await film(ModeCMeter(Stream("tcp://meter:4001", wire.open)), wire)
        assert not wire.is_open, "between two readouts the line is given back"

    run_virtual(whole(), horizon_s=1000)


def test_a_readout_through_tcp_stays_at_the_first_rate() -> None:
    async def film(meter: ModeCMeter, wire: Wire) -> None:
        assert await meter.probe() == Nameplate("BSB", "SIM-C", "00000001")
        assert [data for _, data in wire.sent] == [REQUEST, STAY]
        begun_s = asyncio.get_running_loop().time()
        values = await meter.read()
        assert values["power_w"] == -400.0
        assert values.age_s == asyncio.get_running_loop().time() - begun_s

    play(honest, film)


def half(asked: bytes) -> Sequence[After]:
    return [After(0.4, METER.identification if asked == REQUEST else METER(READING)[:50])]


def spoilt(asked: bytes) -> Sequence[After]:
    return [After(0.4, METER.identification if asked == REQUEST else METER(READING)[:-1] + b"\x00")]


@pytest.mark.parametrize(
    ("script", "fault", "says"),
    [
        (lambda asked: (), NoReply, "tcp://meter:4001: no identification within 3 s"),
        (lambda asked: [After(0.1, asked)], NoReply, "no identification"),  # an echo, and nothing behind it
        (lambda asked: [After(0.1, b"\x1b\xff")], BadReply, "no identification within 3 s; what came looks like"),
        (half, BadReply, "no data block within 3 s"),
        (spoilt, BadReply, "the block check is wrong"),
        (lambda asked: [After(0.1, None)], LinkDown, "the peer hung up"),
        (lambda asked: [After(0.1, b"/BSBASIM\r\n")], BadReply, "is no meter of mode C"),
    ],
)
def test_each_way_to_fail_is_named(script: Script, fault: type[Exception], says: str) -> None:
    async def film(meter: ModeCMeter, wire: Wire) -> None:
        with pytest.raises(fault, match=says):
            await meter.probe()

    play(script, film)


def test_another_meter_is_noticed() -> None:
    meters = [METER, OTHER]

    def script(asked: bytes) -> Sequence[After]:
        return [After(0.4, METER.identification)] if asked == REQUEST else [After(0.4, meters.pop(0)(READING))]

    async def film(meter: ModeCMeter, wire: Wire) -> None:
        await meter.probe()
        with pytest.raises(BadReply, match="meter '00000002' answers, it was '00000001'"):
            await meter.read()

    play(script, film)


def test_a_meter_that_never_ends_is_left() -> None:
    def script(asked: bytes) -> Sequence[After]:
        return [After(float(second), b"1.8.0(0*kWh)\r\n") for second in range(1, 400)]

    async def film(meter: ModeCMeter, wire: Wire) -> None:
        with pytest.raises(NoReply, match="does not end within 240 s"):
            await meter.probe()

    play(script, film)
