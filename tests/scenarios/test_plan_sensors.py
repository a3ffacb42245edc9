"""Probes die and lie: no store is heated for ever, nothing freezes, and the home goes on when they are back.

It is -10 degC outside. The electric heater and the tank's element know no temperature themselves.
"""

from typing import Any

import pytest

from sim_hardware.faults import Word
from sim_hardware.household import HEATING, ROOM, Comfort
from sim_hardware.physics.climate import WINTER
from sim_hardware.physics.thermal.house import TERRACE
from sim_hardware.serve import MEMORY_URLS
from tests.scenarios.comfort_words import (
    Watch,
    energy_wh,
    is_warm,
    outside_is,
    probe_is_cut,
    probe_is_mended,
    room_stands_at,
    tank_stands_at,
)
from tests.scenarios.film import Film, Row, at
from tests.scenarios.full_home import ROOM_TABLE, TANK_TABLE, THERMOMETERS, WATER_HEATER, full
from tests.scenarios.plan_words import HOUR_S, desk_of, published, said, states
from tests.scenarios.stage import Setup, Stage, Step
from tests.scenarios.words import fault, heals, healths, lies, load, tells_the_truth

HEATER_W, TANK_W = 7500.0, 2000.0
LEAST_C, MOST_C, FROST_C = 19.0, 25.0, 7.0
HEATER = {"name": "heater", "url": MEMORY_URLS["relays"], "channel": HEATING, "power_w": HEATER_W, "use": "plan"}
ROOM_OF_HEATER = {**ROOM_TABLE, "heated_by": ["heater"], "cooled_by": [], "frost_c": FROST_C}
HOUSE = {
    "envelope_w_per_k": TERRACE.envelope_w_per_k,
    "air_j_per_k": TERRACE.air_j_per_k,
    "mass_j_per_k": TERRACE.mass_j_per_k,
    "coupling_w_per_k": TERRACE.coupling_w_per_k,
    "gain_w": 250.0,
}
COLD = Comfort(climate=WINTER, heat_pump=None, air_conditioner=None, pool_pump_w=None, heater_w=HEATER_W)


def cold(*, plans: bool = False) -> Setup:
    """A meter, an electric heater in the room and an element in the tank, by the minute."""
    loads: dict[str, Any] = {
        "thermometer": THERMOMETERS,
        "charger": (),
        "relay": (HEATER, {**WATER_HEATER, "use": "plan"}),
        "heat_pump": (),
        "room": (ROOM_OF_HEATER,),
        "tank": ({**TANK_TABLE, "legionella_days": 0},),
    }
    tables = {"tariff": {"import_per_kwh": 0.3}, "plan": {"horizon_h": 6, "replan_s": 3600}} if plans else {}
    setup = full(cycle_s=60.0, climate=WINTER, site={"timezone": "UTC"}, loads=loads, comfort=COLD, tables=tables)
    return Setup(
        **{name: getattr(setup, name) for name in Setup.__dataclass_fields__}
        | {"devices": ("grid",), "car": None, "device": {}}
    )


def is_on(name: str) -> Step:
    def step(stage: Stage) -> None:
        assert stage.home.terminals[name].total_w > 100.0, f"{name} is off"

    return step


BEGINS: tuple[Step, ...] = (load(400), outside_is(-10.0), room_stands_at(21.0), tank_stands_at(50.0))


@pytest.mark.slow
def test_two_days_at_ten_below_without_a_probe_heat_neither_for_ever_nor_too_little(film: Film) -> None:
    """A third of a day teaches how much heat the house takes; it is cut in the middle of a burn."""
    watch = Watch(every_s=300.0)
    drawn_wh: dict[str, float] = {}
    stage = film(
        at(0, *BEGINS, watch.watched),
        at(8.0 * HOUR_S, is_warm("room", LEAST_C, MOST_C)),
        *cuts_in_a_burn(8.0 * HOUR_S, "heater", probe_is_cut("room"), probe_is_cut("tank")),
        at(9.0 * HOUR_S, healths("room-probe", "online", "suspect", "offline")),
        at(9.0 * HOUR_S, lambda s: drawn_wh.update({n: energy_wh(s, n) for n in ("heater", "water_heater")})),
        at(56.0 * HOUR_S, is_warm("room", 12.0, 28.0), probe_is_mended("room"), probe_is_mended("tank")),
        at(61.0 * HOUR_S, is_warm("room", LEAST_C - 0.2, MOST_C + 0.2), is_warm("tank", 41.0, 65.5)),
        setup=cold(),
    )
    assert watch.degree_hours("room", FROST_C + 3.0, 28.0) == 0.0
    assert max(watch.true_c["tank"]) <= 66.0
    for name, power_w in (("heater", HEATER_W), ("water_heater", TANK_W)):
        blind_wh = energy_wh(stage, name) - drawn_wh[name]
        assert blind_wh < 0.8 * power_w * 47.0, name
    assert states(stage, "room-probe") == ["online", "suspect", "offline", "online"]
    assert states(stage, "tank-probe") == ["online", "suspect", "offline", "online"]


def cuts_in_a_burn(since_s: float, name: str, *steps: Step) -> list[Row]:
    """The steps are done in the first minute of the next hour in which a terminal draws."""
    done: list[float] = []

    def step(stage: Stage) -> None:
        if not done and stage.home.terminals[name].total_w > 100.0:
            done.append(0.0)
            for each in steps:
                each(stage)

    def surely(_: Stage) -> None:
        assert done, f"{name} did not draw for an hour"

    return [*(at(since_s + 60.0 * minute, step) for minute in range(1, 59)), at(since_s + 3550.0, surely)]


def test_a_line_that_dies_in_the_burn_of_a_planned_tank_and_comes_back(film: Film) -> None:
    """The tank is cold: its element is on when the line of all probes dies. It ends, it is said, and it goes on afterwards."""
    watch = Watch()
    stage = film(
        at(0, *BEGINS, tank_stands_at(40.0), watch.watched),
        at(600, is_on("water_heater"), fault("thermometers", Word.OFF)),
        at(1.2 * HOUR_S, healths("tank-probe", "online", "suspect", "offline")),
        at(2.2 * HOUR_S, notes_of_the_plan("hot-water: its temperature", "living-room: its temperature")),
        at(4.0 * HOUR_S, is_warm("tank", 30.0, 65.0), heals("thermometers")),
        at(6.0 * HOUR_S, is_warm("tank", 41.5, 65.0), is_warm("room", 18.8, MOST_C), knows_all_temperatures),
        setup=cold(plans=True),
    )
    assert max(watch.true_c["tank"]) < 65.0
    assert states(stage, "tank-probe") == ["online", "suspect", "offline", "online"]
    assert said(stage, "plan")[-1].state == "plan"


@pytest.mark.slow
@pytest.mark.parametrize(("word", "since_h", "until_h"), [(850, 7.0, 14.0), (0x10000 - 1270, 1.0, 3.0)])
def test_a_probe_that_lies_absurdly_is_a_probe_that_is_dead(
    film: Film, word: int, since_h: float, until_h: float
) -> None:
    """85 degC, as a DS18B20 says after power-on, would let the house freeze, and -127, as without a bus, would heat it for ever;
    and nothing could be planned.
    """
    watch = Watch(every_s=300.0)
    stage = film(
        at(0, *BEGINS, watch.watched),
        at(since_h * HOUR_S, lies("thermometers", ROOM, word)),
        at((since_h + 1.2) * HOUR_S, notes_of_the_plan("living-room: its temperature")),
        at(until_h * HOUR_S, is_warm("room", 17.5, 26.0), tells_the_truth("thermometers")),
        at((until_h + 2.0) * HOUR_S, is_warm("room", 18.8, MOST_C), knows_all_temperatures),
        setup=cold(plans=True),
    )
    assert watch.degree_hours("room", 17.5, 26.0) == 0.0
    assert states(stage, "plan") == ["plan"]
    quarters = desk_of(stage).history.series("living-room.temperature_c").values
    assert all(10.0 < each < 30.0 for each in quarters if each == each)
    assert stage.node.figures.cycles >= (until_h + 2.0) * 60.0 - 2.0


def notes_of_the_plan(*words: str) -> Step:
    """Each of these stands in a note of the published plan."""

    def step(stage: Stage) -> None:
        notes = published(stage).notes
        assert all(any(word in note for note in notes) for word in words), notes

    return step


def knows_all_temperatures(stage: Stage) -> None:
    assert not any("temperature is not known" in note for note in published(stage).notes), published(stage).notes
