"""A meter that talks by itself, through each fault word, on virtual time."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sim_hardware.devices.p1 import P1, closed
from sim_hardware.devices.push_reading import PushMeter, PushReading
from sim_hardware.faces.babbler import Babbler
from sim_hardware.faces.push import PushStream
from sim_hardware.faults import Faults, Word
from sim_hardware.physics.terminal import Terminal
from sim_hardware.virtual_time import VirtualClock, run_virtual

Heard = list[tuple[float, bytes]]


class Bench:
    """A house that draws 1 W more each second, and a meter that says so once a second."""

    def __init__(self) -> None:
        self.terminal, self.faults, self.heard = Terminal(), Faults(seed=5), Heard()
        self.clock = VirtualClock(datetime(2026, 6, 21, 12, tzinfo=UTC))
        self.meter = PushMeter(self.terminal, P1(), self.clock.utc)
        self.loop = asyncio.get_running_loop()

    def hear(self, telegram: bytes) -> None:
        self.heard.append((round(self.loop.time(), 3), telegram))

    async def draw(self) -> None:
        for second in range(1000):
            self.terminal.power_w = (1000.0 + second, 0.0, 0.0)
            self.meter.after(1.0)
            await asyncio.sleep(1.0)


def heard(seconds: float, fault: Callable[[Faults], None] | None = None, period_s: float = 1.0) -> Heard:
    async def film() -> Heard:
        bench = Bench()
        await asyncio.sleep(0.5)  # between two steps of the house
        if fault:
            fault(bench.faults)
        tasks = [
            asyncio.create_task(bench.draw()),
            asyncio.create_task(PushStream(bench.meter, bench.faults, bench.hear, period_s).run()),
        ]
        await asyncio.sleep(seconds + 0.01)
        for task in tasks:
            task.cancel()
        return bench.heard

    return run_virtual(film(), horizon_s=10_000)


def field(telegram: bytes, code: str) -> str:
    found = re.search(rf"^\d-0:{re.escape(code)}\(([^*)]*)", telegram.decode("ascii"), re.MULTILINE)
    assert found
    return found[1]


def field_of(trace: Heard, code: str) -> list[str]:
    return [field(telegram, code) for _, telegram in trace]


def begin(word: str, argument: float | None = None) -> Callable[[Faults], None]:
    return lambda faults: faults.begin(word, argument)


def test_a_telegram_each_second_with_the_meters_own_time() -> None:
    trace = heard(3)
    assert [at for at, _ in trace] == [1.5, 2.5, 3.5]
    assert field_of(trace, "1.0.0") == ["260621140001S", "260621140002S", "260621140003S"]
    assert field_of(trace, "1.7.0") == ["01.001", "01.002", "01.003"]


def test_energy_is_that_of_all_phases_together() -> None:
    terminal = Terminal(power_w=(3600.0, -7200.0, 0.0))
    meter = PushMeter(terminal, P1(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    meter.after(10.0)
    assert (meter.reading().import_wh, meter.reading().export_wh) == (0.0, 10.0)
    terminal.power_w = (720.0, 0.0, 0.0)
    meter.after(10.0)
    assert (meter.reading().import_wh, meter.reading().export_wh) == (2.0, 10.0)
    assert meter.reading().current_a[0] == pytest.approx(720.0 / 230.0)


def test_another_period() -> None:
    assert [at for at, _ in heard(25, period_s=10.0)] == [10.5, 20.5]


@pytest.mark.parametrize("word", ["drop", "half_open", "off"])
def test_silence(word: str) -> None:
    assert heard(5, begin(word)) == []


def test_delay_is_a_queue_that_grows() -> None:
    assert [at for at, _ in heard(8, begin("delay", 2.0))] == [3.5, 5.5, 7.5]
    assert field_of(heard(8, begin("delay", 2.0)), "1.0.0")[2] == "260621140003S", "old when it comes"


def test_late_is_a_shift() -> None:
    trace = heard(5, begin("late", 2.25))
    assert [at for at, _ in trace] == [3.75, 4.75]
    assert field_of(trace, "1.0.0")[0] == "260621140001S"


def test_freeze_repeats_the_reading_with_a_fresh_stamp() -> None:
    trace = heard(4, begin("freeze"))
    assert len(set(field_of(trace, "1.7.0"))) == 1
    assert len(set(field_of(trace, "1.8.2"))) == 1
    assert len(set(field_of(trace, "1.0.0"))) == 4


def test_garble_flips_a_bit_or_loses_a_byte_and_the_check_sum_tells() -> None:
    good, trace = heard(60), heard(60, begin("garble"))
    lengths = [len(bad) - len(right) for (_, bad), (_, right) in zip(trace, good, strict=True)]
    assert set(lengths) == {0, -1}
    for _, telegram in trace:
        text, mark, _ = telegram.partition(b"!")
        try:
            assert closed((text + mark).decode("ascii")) != telegram
        except UnicodeDecodeError:
            continue
    assert trace == heard(60, begin("garble")), "the same seed, the same damage"


def test_drift_walks_away_from_the_true_power_and_leaves_the_energy() -> None:
    good, trace = heard(400), heard(400, begin("drift", 1.0))
    assert float(field(trace[-1][1], "1.7.0")) == pytest.approx(
        float(field(good[-1][1], "1.7.0")) * (1 + 400 / 3600), abs=2e-3
    )
    assert field_of(trace, "1.8.2") == field_of(good, "1.8.2")
    assert field_of(trace, "32.7.0") == field_of(good, "32.7.0")


def test_a_reboot_is_silent_then_blank_and_the_energy_comes_back() -> None:
    good, trace = heard(60), heard(60, begin("reboot", 10.0))
    assert trace[0][0] == 10.5
    assert set(field_of(trace[:40], "1.7.0")) == {"00.000"}
    assert set(field_of(trace[:40], "1.8.2")) == {"000000.000"}
    assert trace[40:] == good[49:], "after 40 s as if nothing had been"


def test_clock_jump_shows_in_the_stamp() -> None:
    trace = heard(1, begin("clock_jump", 3600.0))
    assert field_of(trace, "1.0.0") == ["260621150001S"]


@pytest.mark.parametrize(("word", "argument"), [("exception", 6), ("word_swap", None)])
def test_words_that_cannot_strike_do_nothing(word: str, argument: float | None) -> None:
    assert heard(3, begin(word, argument)) == heard(3)


def test_a_broken_encoder_is_seen() -> None:
    def broken(reading: PushReading) -> bytes:
        raise ZeroDivisionError

    async def film() -> None:
        meter = PushMeter(Terminal(), broken, lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0))
        await PushStream(meter, Faults(), lambda telegram: None, 1.0).run()

    with pytest.raises(ZeroDivisionError):
        run_virtual(film(), horizon_s=10)


def test_a_period_of_nothing_is_refused() -> None:
    meter = PushMeter(Terminal(), P1(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="period 0 s"):
        PushStream(meter, Faults(), lambda telegram: None, 0.0)


def test_the_words_that_struck_are_counted() -> None:
    async def film() -> dict[Word, int]:
        bench = Bench()
        bench.faults.begin("drop")
        task = asyncio.create_task(PushStream(bench.meter, bench.faults, bench.hear, 1.0).run())
        await asyncio.sleep(3.5)
        task.cancel()
        return bench.faults.seen

    assert run_virtual(film(), horizon_s=10)[Word.DROP] == 3


def test_a_line_babbles_stops_and_babbles_again() -> None:
    async def film() -> list[int]:
        noise: list[bytes] = []
        faults = [Faults(seed=1), Faults(seed=2)]
        babbler = Babbler(noise.append, faults)

        async def said() -> int:
            noise.clear()
            await asyncio.sleep(0.1)
            return len(noise)

        seen = [await said()]
        for word in ("begin", "end", "begin"):
            getattr(faults[1], word)("babble")
            seen.append(await said())
        babbler.close()
        return [*seen, await said()]

    seen = run_virtual(film(), horizon_s=10)
    assert seen == [0, pytest.approx(50, abs=2), 0, pytest.approx(50, abs=2), 0]
