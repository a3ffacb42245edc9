"""A feeder that cannot be is refused with the name, the value and what is allowed."""

from dataclasses import replace
from typing import Any

import pytest

from sim_hardware.physics.feeder import Bus, Line, SequenceCable, Site, Source, WireCable
from tests.sim_hardware.physics.feeders import NAYY, street


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sites": (Site("home 7", "z"),)}, "site home 7: bus is 'z', which is not there; known are a, b, bar"),
        ({"source": Source(bus="q")}, "source: bus is 'q'"),
        ({"sites": (Site("one", "a"), Site("one", "b"))}, "site one is there twice"),
        ({"transformers": ()}, "site home c is on bus c, which no closed line joins to the source"),
    ],
)
def test_parts_that_do_not_fit(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(street(), **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"length_m": -3.0}, "line x: length_m is -3; it must be more than 0"),
        ({"length_m": float("nan")}, "line x: length_m is nan; it must be a finite number"),
        ({"rating_a": 0.0}, "line x: rating_a is 0"),
    ],
)
def test_lines_that_cannot_be(change: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {
        "name": "x",
        "from_bus": "a",
        "to_bus": "b",
        "length_m": 5.0,
        "cable": NAYY,
        "rating_a": 10.0,
    }
    with pytest.raises(ValueError, match=words):
        Line(**(usual | change))


def test_a_line_may_join_neither_two_levels_nor_a_bus_to_itself() -> None:
    feeder = street()
    for end, words in (("mv", "line bad joins 400 V to 20000 V"), ("a", "line bad: both ends are on bus a")):
        line = Line(name="bad", from_bus="a", to_bus=end, length_m=5.0, cable=NAYY, rating_a=10.0)
        with pytest.raises(ValueError, match=words):
            replace(feeder, lines=(*feeder.lines, line))


def test_an_open_switch_cuts_off_what_is_behind() -> None:
    feeder = street()
    opened = tuple(replace(each, to_closed=each.name != "b-c") for each in feeder.lines)
    with pytest.raises(ValueError, match="site home c is on bus c"):
        replace(feeder, lines=opened)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clock": 6}, "clock is 6; Dyn needs an odd hour"),
        ({"windings": "Zz"}, "windings are 'Zz'; known are Dyn"),
        ({"tap": 4}, "transformer t: tap is 4; it must be -2 to 2"),
        ({"copper_loss_w": 1e5}, "copper_loss_w is 100000; it must be 0 to 10000"),
    ],
)
def test_transformers_that_cannot_be(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(street().transformers[0], **change)


def test_cables_buses_and_sources_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="bus x: voltage_v is -1"):
        Bus("x", -1.0)
    with pytest.raises(ValueError, match=r"r1_ohm_per_km is -0\.1; it must be at least 0"):
        SequenceCable(r1_ohm_per_km=-0.1, x1_ohm_per_km=0.1, r0_ohm_per_km=0.1, x0_ohm_per_km=0.1)
    with pytest.raises(ValueError, match="one must not be"):
        SequenceCable(r1_ohm_per_km=0.0, x1_ohm_per_km=0.0, r0_ohm_per_km=0.0, x0_ohm_per_km=0.0)
    with pytest.raises(ValueError, match=r"rows of \[2, 2\]; it must be 3 x 3 or 4 x 4"):
        WireCable(r_ohm_per_km=((1.0, 0.0), (0.0, 1.0)), x_ohm_per_km=((1.0, 0.0), (0.0, 1.0)))
    eye = tuple(tuple(float(i == k) for k in range(3)) for i in range(3))
    with pytest.raises(ValueError, match="it must be symmetric"):
        WireCable(r_ohm_per_km=((1.0, 0.2, 0.0), eye[1], eye[2]), x_ohm_per_km=eye)
    with pytest.raises(ValueError, match=r"voltage_pu is 3; it must be 0\.5 to 1\.5"):
        Source(bus="x", voltage_pu=3.0)
