"""Steady means steady: nothing is written but renewals, and no device swings.

The bound: a lease of 30 s is renewed at 0.45 of its time, so at 13.5 s at the earliest, in the next cycle. In a minute
that is at most 60 / 13.5, rounded up: 5 setpoints for each device. Below 4 the device would not be renewed before half
time.
"""

import pytest

from sim_hardware.faults import Word
from tests.scenarios.film import Film, at
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import (
    battery_gets,
    charge,
    fault,
    hears,
    load,
    meter_shows,
    pv_may_make,
    sends,
    sun,
)

RENEWALS_LEAST, RENEWALS_MOST = 4, 5
TWO = Setup(devices=("grid", "battery"))


class Count:
    """Setpoints written to each device since `begin`."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def begin(self, stage: Stage) -> None:
        self._before = {name: output.writes for name, output in stage.node.parts.outputs.items()}

    def per_minute(self, minutes: float, **bounds: tuple[int, int]) -> Step:
        """Each device got so many setpoints a minute."""

        def step(stage: Stage) -> None:
            for name, (least, most) in bounds.items():
                count = stage.node.parts.outputs[name].writes - self._before[name]
                assert least * minutes <= count <= most * minutes, f"{name} got {count} setpoints in {minutes:g} min"

        return step


RENEWED, FREE = (RENEWALS_LEAST, RENEWALS_MOST), (0, 0)


def test_a_steady_contract_is_only_renewed(film: Film) -> None:
    count = Count()
    film(
        at(0, load(500), sun(400)),
        at(5, sends(power_w=1500, start_s=10, end_s=400)),
        at(60, hears("received", "accepted", "written", "observed"), battery_gets(3000), count.begin),
        at(120, count.per_minute(1, battery=RENEWED, pv=FREE), meter_shows(1500), hears()),
    )


def test_a_steady_limit_is_only_renewed(film: Film) -> None:
    """The battery is full; the inverter's limit holds the connection point, through its own meter."""
    count = Count()
    film(
        at(0, load(500), sun(800), charge(100)),
        at(5, sends(power_w=-1000, start_s=10, end_s=400)),
        at(60, hears("received", "accepted", "written", "observed"), pv_may_make(1500), count.begin),
        at(120, count.per_minute(1, battery=RENEWED, pv=RENEWED), meter_shows(-1000), hears()),
    )


def test_self_consumption_is_only_renewed(film: Film) -> None:
    count = Count()
    film(
        at(0, load(500), sun(400)),
        at(60, battery_gets(1500), count.begin),
        at(120, count.per_minute(1, battery=RENEWED, pv=FREE), meter_shows(0)),
    )


@pytest.mark.parametrize("delay_s", [0.1, 0.3, 0.45])
def test_a_slow_meter_does_not_make_the_battery_swing(film: Film, delay_s: float) -> None:
    """Its readings are older than the battery's, and from another phase of the second."""
    count = Count()
    film(
        at(0, load(500), sun(0), fault("grid", Word.DELAY, delay_s)),
        at(5, sends(power_w=1500, start_s=10, end_s=400)),
        at(60, hears("received", "accepted", "written", "observed"), battery_gets(1000), count.begin),
        at(120, count.per_minute(1, battery=RENEWED), meter_shows(1500)),
        at(121, load(2500)),
        at(150, battery_gets(-1000), meter_shows(1500), hears()),
        setup=TWO,
    )


def test_small_noise_is_not_followed(film: Film) -> None:
    """The load flickers by 16 W, the dead band is 20 W."""
    count = Count()
    flicker = [at(60 + second, load(492 if second % 2 else 508)) for second in range(60)]
    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=400)),
        at(59, battery_gets(1000), count.begin),
        *flicker,
        at(120, count.per_minute(1, battery=RENEWED), meter_shows(1500)),
        setup=TWO,
    )


def test_changes_are_followed_with_one_write_a_cycle_at_most(film: Film) -> None:
    """The load swings by 1000 W every second: each cycle may write each device once, and not more."""
    count = Count()
    swing = [at(60 + second, load(1000 if second % 2 else 2000)) for second in range(60)]
    film(
        at(0, load(1500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=400)),
        at(59.9, count.begin),
        *swing,
        at(119.9, count.per_minute(1, battery=(1, 60), pv=FREE)),
    )
