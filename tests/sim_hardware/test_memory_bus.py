"""The bus in memory: one transaction at a time, and every fault word as a correct driver would report it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from protocols.faults import BadReply, DeviceRefused, Fault, LinkDown, NoReply
from protocols.ports import RegisterBus, Table
from sim_hardware.devices.sdm630 import Sdm630
from sim_hardware.faces.memory import MemoryBus
from sim_hardware.faults import Faults, Word
from sim_hardware.physics.terminal import Terminal
from sim_hardware.virtual_time import run_virtual

VOLTS_230, VOLTS_231 = (0x4366, 0x0000), (0x4367, 0x0000)
PERIOD_30 = (0x41F0, 0x0000)


class Bench:
    """A meter at unit 1 and another at unit 7, on one bus."""

    def __init__(self, **how: float) -> None:
        self.terminal = Terminal(voltage_v=(230.0, 230.0, 230.0))
        self.faults = Faults(seed=3)
        self.meter = Sdm630(self.terminal)
        self.bus: RegisterBus = MemoryBus(
            {1: self.meter, 7: Sdm630(Terminal(voltage_v=(231.0, 0.0, 0.0)))}, {1: self.faults}, name="line", **how
        )

    async def volts(self, unit: int = 1) -> tuple[int, ...]:
        return await self.bus.read(unit, Table.INPUT, 0, 2)

    async def took_s(self, question: Awaitable[object], error: type[Fault] | None = None) -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        if error is None:
            await question
        else:
            with pytest.raises(error):
                await question
        return loop.time() - began_s


def on_bench(film: Callable[[Bench], Coroutine[Any, Any, None]], **how: float) -> None:
    async def main() -> None:
        await film(Bench(**how))

    run_virtual(main(), horizon_s=1000)


def test_units_answer_after_the_latency() -> None:
    async def film(bench: Bench) -> None:
        assert await bench.volts() == VOLTS_230
        assert await bench.volts(7) == VOLTS_231
        assert await bench.took_s(bench.volts()) == pytest.approx(0.01)

    on_bench(film)


def test_calls_queue_up_one_at_a_time() -> None:
    async def film(bench: Bench) -> None:
        assert await bench.took_s(asyncio.gather(*(bench.volts() for _ in range(10)))) == pytest.approx(0.1)

    on_bench(film)


def test_without_latency_an_answer_takes_no_turn_of_the_loop() -> None:
    async def film(bench: Bench) -> None:
        volts = bench.volts()
        with pytest.raises(StopIteration) as over:
            volts.send(None)
        assert over.value.value == VOLTS_230
        with pytest.raises(DeviceRefused, match="part") as refused:
            await bench.bus.read(1, Table.INPUT, 1, 2)
        assert refused.value.code == 2

    on_bench(film, latency_s=0.0)


@pytest.mark.parametrize(("word", "argument"), [("drop", None), ("babble", None), ("late", 2.0)])
def test_without_latency_a_line_still_falls_silent_for_all(word: str, argument: float | None) -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin(word, argument)
        silent = asyncio.create_task(bench.took_s(bench.volts(), NoReply))
        await asyncio.sleep(0.5)
        bench.faults.end()
        assert await bench.took_s(bench.volts(7)) == pytest.approx(0.5), "one transaction at a time"
        assert await silent == pytest.approx(1.0)

    on_bench(film, latency_s=0.0)


@pytest.mark.parametrize(
    ("word", "argument", "error"),
    [(Word.EXCEPTION, 6, DeviceRefused), (Word.GARBLE, None, BadReply), (Word.OFF, None, LinkDown)],
)
def test_without_latency_a_fault_word_strikes(word: Word, argument: float | None, error: type[Fault]) -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin(word, argument)
        assert await bench.took_s(bench.volts(), error) == 0.0
        assert bench.faults.seen[word] == 1
        bench.faults.end()
        assert await bench.volts() == VOLTS_230

    on_bench(film, latency_s=0.0)


def test_without_latency_a_babbler_silences_its_neighbours() -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin("babble")
        assert await bench.took_s(bench.volts(7), NoReply) == pytest.approx(1.0)

    on_bench(film, latency_s=0.0)


def test_a_write_reaches_the_device() -> None:
    async def film(bench: Bench) -> None:
        await bench.bus.write(1, 2, PERIOD_30)
        assert await bench.bus.read(1, Table.HOLDING, 2, 2) == PERIOD_30

    on_bench(film)


def test_a_refusal_carries_the_devices_code() -> None:
    async def film(bench: Bench) -> None:
        with pytest.raises(DeviceRefused, match="part") as refused:
            await bench.bus.read(1, Table.INPUT, 1, 2)
        assert refused.value.code == 2
        with pytest.raises(DeviceRefused) as refused:
            await bench.bus.write(1, 2, (0x4000, 0x0000))
        assert refused.value.code == 3

    on_bench(film)


def test_nobody_answers_for_a_unit_that_is_not_there() -> None:
    async def film(bench: Bench) -> None:
        assert await bench.took_s(bench.volts(9), NoReply) == pytest.approx(1.0)

    on_bench(film)


@pytest.mark.parametrize("count", [0, 126])
def test_a_wrong_count_is_the_callers_mistake(count: int) -> None:
    async def film(bench: Bench) -> None:
        with pytest.raises(ValueError, match="1 to 125"):
            await bench.bus.read(1, Table.INPUT, 0, count)

    on_bench(film)


@pytest.mark.parametrize(
    ("word", "argument", "error", "seconds"),
    [
        (Word.DROP, None, NoReply, 1.0),
        (Word.DELAY, 0.5, None, 0.51),
        (Word.DELAY, 5.0, NoReply, 1.0),
        (Word.LATE, 1.5, NoReply, 1.0),
        (Word.EXCEPTION, 6, DeviceRefused, 0.01),
        (Word.GARBLE, None, BadReply, 0.01),
        (Word.HALF_OPEN, None, NoReply, 1.0),
        (Word.OFF, None, LinkDown, 0.0),
    ],
)
def test_a_fault_word_comes_and_goes(
    word: Word, argument: float | None, error: type[Fault] | None, seconds: float
) -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin(word, argument)
        assert await bench.took_s(bench.volts(), error) == pytest.approx(seconds)
        assert bench.faults.seen[word] == 1
        assert await bench.volts(7) == VOLTS_231, "a neighbour must not suffer"
        bench.faults.end(word)
        assert await bench.volts() == VOLTS_230
        assert bench.faults.seen[word] == 1

    on_bench(film)


def test_a_unit_that_babbles_silences_the_whole_line() -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin("babble")
        assert await bench.took_s(bench.volts(), NoReply) == pytest.approx(1.0)
        assert await bench.took_s(bench.volts(7), NoReply) == pytest.approx(1.0)
        assert bench.faults.seen[Word.BABBLE] == 2
        bench.faults.end("babble")
        assert await bench.volts(7) == VOLTS_231

    on_bench(film)


def test_a_swapped_number_a_zero_and_a_drift_pass_for_good_answers() -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin("word_swap")
        assert await bench.volts() == VOLTS_230[::-1]
        bench.faults.end()
        bench.terminal.power_w = (1000.0, 0.0, 0.0)
        bench.faults.begin("drift", 0.2)
        await asyncio.sleep(450.0)
        assert await bench.bus.read(1, Table.INPUT, 0x0C, 2) == (0x4480, 0x2000), "1,025 W"
        bench.faults.end()
        bench.faults.begin("reboot", 10)
        await bench.took_s(bench.volts(), NoReply)
        await asyncio.sleep(10.0)
        assert await bench.volts() == (0, 0)
        await asyncio.sleep(40.0)
        assert await bench.volts() == VOLTS_230

    on_bench(film)


def test_frozen_registers_stand_still_and_thaw() -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin("freeze")
        bench.terminal.voltage_v = (231.0, 0.0, 0.0)
        assert await bench.volts() == VOLTS_230
        bench.faults.end("freeze")
        assert await bench.volts() == VOLTS_231

    on_bench(film)


@pytest.mark.parametrize(
    ("word", "argument", "applied"),
    [
        ("drop", None, False),
        ("half_open", None, False),
        ("off", None, False),
        ("late", 2.0, True),
        ("freeze", None, True),
    ],
)
def test_whether_a_write_took_effect_is_said(word: str, argument: float | None, applied: bool) -> None:
    async def film(bench: Bench) -> None:
        bench.faults.begin(word, argument)
        if word == "freeze":
            await bench.bus.write(1, 2, PERIOD_30)
        else:
            with pytest.raises(Fault):
                await bench.bus.write(1, 2, PERIOD_30)
        bench.faults.end()
        assert (await bench.bus.read(1, Table.HOLDING, 2, 2) == PERIOD_30) is applied

    on_bench(film)


@pytest.mark.parametrize(
    ("word", "argument"), [("delay", None), ("late", 0.0), ("exception", None), ("drop", 1.0), ("babel", None)]
)
def test_a_wrong_fault_is_refused(word: str, argument: float | None) -> None:
    with pytest.raises(ValueError, match=word):
        Faults().begin(word, argument)
