"""A meter that talks by itself, on a wire in memory and on virtual time: age, silence, rubbish, swaps, reconnection."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from drivers.telegrams.models import MODELS
from drivers.telegrams.push_meter import PushMeter
from drivers.telegrams.stream import Stream
from protocols.faults import BadReply, LinkDown, NoReply
from protocols.ports import Nameplate
from protocols.readings import Aged
from protocols.telegrams import Event
from sim_hardware.devices.p1 import P1
from sim_hardware.devices.sml import Sml
from sim_hardware.virtual_time import run_virtual
from tests.drivers.wire import Wire
from tests.sim_hardware.push_vectors import READING

PERIOD_S = 10.0  # as the catalogue has it for P1
P1_A, P1_B = P1(), P1(serial="E0002000000000002")


def telegram(power_w: float, encode: P1 = P1_A) -> bytes:
    return encode(replace(READING, power_w=(power_w, 0.0, 0.0)))


class Bench:
    """A P1 meter on a wire."""

    def __init__(self, model: str = "p1") -> None:
        self.wire = Wire(lambda data: (), follows=True)
        self.stream = Stream("serial:///dev/p1", self.wire.open)
        meter = MODELS[model].build(self.stream, None)
        assert isinstance(meter, PushMeter)
        self.meter = meter

    async def later(self, delay_s: float, data: bytes) -> None:
        await asyncio.sleep(delay_s)
        self.wire.inject(data)

    def at(self, delay_s: float, data: bytes) -> None:
        """These bytes come so many seconds from now."""
        asyncio.get_running_loop().call_later(delay_s, lambda: self.wire.inject(data))


def play(film: Callable[[Bench], Awaitable[None]], model: str = "p1") -> None:
    async def whole() -> None:
        bench = Bench(model)
        try:
            await film(bench)
        finally:
            await bench.stream.close()

    run_virtual(whole(), horizon_s=10_000)


async def timed(question: Awaitable[object]) -> float:
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    with pytest.raises((BadReply, NoReply, LinkDown)):
        await question
    return loop.time() - begun_s


def test_each_telegram_is_given_out_once_and_is_as_old_as_its_first_byte() -> None:
    async def film(bench: Bench) -> None:
        whole = telegram(500.0)
        bench.at(1.0, whole[:100])
        bench.at(1.5, whole[100:])
        plate = await bench.meter.probe()
        assert plate == Nameplate("BSB", "SIM-METER", "E0001000000000001")
        await asyncio.sleep(3.0)
        values = await bench.meter.read()
        assert isinstance(values, Aged)
        assert (values["power_w"], values.age_s) == (500.0, 3.5)
        bench.at(2.0, telegram(600.0))
        values = await bench.meter.read()
        assert (values["power_w"], values.age_s) == (600.0, 0.0)

    play(film)


def test_the_newest_counts() -> None:
    async def film(bench: Bench) -> None:
        for second in range(1, 6):
            bench.at(second, telegram(100.0 * second))
        await bench.meter.probe()
        await asyncio.sleep(10.0)
        assert (await bench.meter.read())["power_w"] == 500.0

    play(film)


def test_bytes_that_were_there_long_before_do_not_make_a_telegram_old() -> None:
    async def film(bench: Bench) -> None:
        bench.at(0.5, b"rubbish")
        bench.at(20.0, telegram(500.0))
        await bench.meter.probe()
        assert (await bench.meter.read()).age_s == 5.0, "at most as long as a telegram is on the wire"

    play(film)


def test_silence_is_said_after_three_periods_and_again_after_each() -> None:
    async def film(bench: Bench) -> None:
        bench.at(1.0, telegram(500.0))
        await bench.meter.probe()
        await bench.meter.read()
        assert await timed(bench.meter.read()) == pytest.approx(3 * PERIOD_S)
        with pytest.raises(NoReply, match=r"^serial:///dev/p1: no P1 telegram within 30 s, not a byte came$"):
            await bench.meter.read()
        assert await timed(bench.meter.read()) == pytest.approx(PERIOD_S)
        assert bench.wire.opened > 1, "a half-open line is opened anew"
        bench.at(2.0, telegram(501.0))
        assert (await bench.meter.read())["power_w"] == 501.0

    play(film)


def test_a_meter_that_says_only_nonsense_is_not_called_silent() -> None:
    async def film(bench: Bench) -> None:
        for second in range(20):
            bench.at(second, telegram(500.0)[:-4] + b"00\r\n")
        with pytest.raises(BadReply, match=r"20 P1 telegrams refused, the last: check sum b'..00"):
            await bench.meter.probe()

    play(film)


def test_a_swapped_cable_is_a_clear_error() -> None:
    async def film(bench: Bench) -> None:
        bench.at(1.0, Sml()(READING))
        with pytest.raises(BadReply, match=r"bytes and no P1 telegram; SML: is it another meter's cable\?"):
            await bench.meter.probe()

    play(film)


def test_noise_is_shown() -> None:
    async def film(bench: Bench) -> None:
        bench.at(1.0, b"\xff\x00\xff")
        with pytest.raises(BadReply, match=r"3 bytes and no SML telegram; ff 00 ff: are baud rate, polarity and cable"):
            await bench.meter.probe()

    play(film, "sml")


def test_another_meter_on_the_same_line_is_refused_until_it_is_probed() -> None:
    async def film(bench: Bench) -> None:
        bench.at(1.0, telegram(500.0))
        await bench.meter.probe()
        bench.at(1.0, telegram(900.0, P1_B))
        await bench.meter.read()
        for _ in range(3):
            with pytest.raises(BadReply, match="meter E0002000000000002 talks, it was E0001000000000001: was a cable"):
                await bench.meter.read()
            bench.at(1.0, telegram(900.0, P1_B))
        assert (await bench.meter.probe()).serial == "E0002000000000002"
        assert (await bench.meter.read())["power_w"] == 900.0

    play(film)


def test_a_line_that_ends_is_opened_again() -> None:
    async def film(bench: Bench) -> None:
        bench.at(1.0, telegram(500.0))
        await bench.meter.probe()
        await bench.meter.read()
        bench.wire.unplug()
        bench.wire.refuses = True
        with pytest.raises(LinkDown, match=r"^serial:///dev/p1: the port is gone$"):
            await bench.meter.read()
        await asyncio.sleep(60.0)
        with pytest.raises(LinkDown, match="Connection refused"):
            await bench.meter.read()
        bench.wire.refuses = False
        await asyncio.sleep(30.0)
        bench.at(1.0, telegram(700.0))
        assert (await bench.meter.read())["power_w"] == 700.0

    play(film)


def test_attempts_to_open_become_rare() -> None:
    async def film(bench: Bench) -> None:
        attempts = []

        async def refuse() -> None:
            attempts.append(asyncio.get_running_loop().time())
            raise LinkDown("no connection")

        stream = Stream("tcp://meter", refuse)  # type: ignore[arg-type]
        stream.listen(lambda data: None, lambda why: None)
        await asyncio.sleep(200.0)
        await stream.close()
        pauses = [b - a for a, b in pairwise(attempts)]
        assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0, 30.0]

    play(film)


def test_a_bug_in_a_reader_is_not_taken_for_silence() -> None:
    class Broken:
        def feed(self, data: bytes) -> list[Event]:
            raise ZeroDivisionError

    async def film(bench: Bench) -> None:
        meter = PushMeter(bench.stream, Broken(), kind="any", period_s=1.0)
        bench.at(0.5, b"x")
        with pytest.raises(BadReply):
            await meter.probe()
        with pytest.raises(ZeroDivisionError):
            await meter.probe()
        bench.stream = Stream("another", bench.wire.open)

    play(film)


def test_a_closed_stream_can_be_listened_to_again() -> None:
    async def film(bench: Bench) -> None:
        bench.at(1.0, telegram(500.0))
        await bench.meter.probe()
        await bench.stream.close()
        assert not bench.wire.is_open
        await bench.meter.read()
        asyncio.get_running_loop().call_later(1.0, lambda: bench.wire.inject(telegram(501.0)))
        assert (await bench.meter.read())["power_w"] == 501.0

    play(film)
