"""What the owner wants: each contradiction is a mistake of its own, with key, value and what is allowed; all of them at once."""

from datetime import time
from pathlib import Path
from typing import Any

import pytest

from firmware_py.config import ConfigError, HomeConfig, load
from firmware_py.mistakes import crossed

HOME = """
[node]
id = "home-1"
state_dir = "state"
[mqtt]
url = "mqtt://broker.example"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
timezone = "Europe/Berlin"
latitude_deg = 52.5
longitude_deg = 13.4
fuse_a = 25
unbalance_max_a = 20
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
[[device]]
name = "battery"
model = "sunspec-battery"
url = "tcp://battery.example"
wear_per_kwh = 0.04
efficiency_percent = 96
capacity_wh = 10000
"""
OWNER = """
[owner]
risk = 0.8
profit_per_kwh = 0.02
may_switch = ["battery", "charger", "boiler", "pump", "pool"]
[plan]
horizon_h = 36
step_s = 300
[tariff]
import_per_kwh = 0.3
export_per_kwh = 0.08
[[charger]]
name = "charger"
model = "go-e"
url = "tcp://charger.example"
use = "plan"
[charger.car]
capacity_wh = 60000
needs_wh = 20000
departs = "07:15"
returns = "17:30"
days = ["mon", "tue", "wed", "thu", "fri"]
[[relay]]
name = "boiler"
power_w = 2000
url = "tcp://relays.example"
channel = 0
use = "plan"
[[relay]]
name = "pool"
power_w = 800
url = "tcp://relays.example"
channel = 1
use = "plan"
[relay.run]
hours = 2
from = "08:00"
until = "20:00"
[[heat_pump]]
name = "pump"
power_w = 2500
url = "tcp://relays.example"
channels = [2, 3]
cop = [[-7, 2.6], [2, 3.4], [7, 4.2]]
[[thermometer]]
name = "living"
model = "r4dcb08"
url = "tcp://thermometers.example"
[[thermometer]]
name = "water"
model = "r4dcb08"
url = "tcp://thermometers.example"
channel = 1
[[room]]
name = "house"
sensor = "living"
heated_by = ["pump"]
least_c = 19
most_c = 24
liked_c = 21
night = { from = "22:00", to = "06:00", least_c = 17 }
[[tank]]
name = "tank"
sensor = "water"
heated_by = ["boiler"]
volume_l = 200
"""


def raw(text: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text)


def said(text: str) -> list[str]:
    """The mistakes that cross parts."""
    return [str(mistake) for mistake in crossed(raw(text))]


def changed(*changes: tuple[str, str]) -> str:
    text = HOME + OWNER
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    return text


def own(text: str) -> dict[str, Any]:
    """Without the parts that others bring."""
    return {key: value for key, value in raw(text).items() if key in HomeConfig.model_fields}


def test_a_home_with_everything_is_good() -> None:
    assert said(HOME + OWNER) == []
    home = HomeConfig.model_validate(own(HOME + OWNER))
    assert home.plan is not None
    assert home.plan.step_s == 300
    assert home.plan.horizon_h == 36.0
    assert home.charger[0].car is not None
    assert home.charger[0].car.departs == time(7, 15)
    assert home.relay[1].run is not None
    assert home.relay[1].run.from_ == time(8, 0)
    assert home.room[0].night is not None
    assert home.room[0].night.from_ == time(22, 0)
    assert home.heat_pump[0].cop == ((-7.0, 2.6), (2.0, 3.4), (7.0, 4.2))
    assert home.site.timezone == "Europe/Berlin"
    assert home.device[1].capacity_wh == 10_000.0


def test_a_home_without_any_of_it_is_as_before() -> None:
    home = HomeConfig.model_validate(raw(HOME))
    assert home.plan is None
    assert home.room == ()
    assert home.tank == ()
    assert home.owner.may_switch is None
    assert said(HOME) == []


CONTRADICTIONS = {
    "least above most": (("least_c = 19", "least_c = 25"), "room.0.least_c = 25.0: at most most_c, 24, is allowed"),
    "frost above least": (("least_c = 19", "least_c = 19\nfrost_c = 20"), "room.0.frost_c = 20.0: at most least_c, 19"),
    "liked outside": (("liked_c = 21", "liked_c = 26"), "room.0.liked_c = 26: least_c, 19, to most_c, 24, is allowed"),
    "a night below frost": (("least_c = 17 }", "least_c = 5 }"), "room.0.night.least_c = 5.0: 7 (frost_c) to 24"),
    "a night of no length": (('to = "06:00"', 'to = "22:00"'), 'room.0.night.to = "22:00": must differ'),
    "nothing heats": (('heated_by = ["pump"]\n', ""), "room.0.heated_by = (absent): heated_by or cooled_by must name"),
    "an unknown heater": (('["pump"]', '["pumpe"]'), 'room.0.heated_by = "pumpe": did you mean pump?'),
    "a heater of two": (('["boiler"]\nvolume', '["pump"]\nvolume'), "stands in room.0.heated_by already"),
    "a heater twice": (('["pump"]', '["pump", "pump"]'), 'room.0.heated_by = "pump": stands twice'),
    "an unknown sensor": (('sensor = "water"', 'sensor = "watter"'), 'tank.0.sensor = "watter": no thermometer'),
    "legionella above most": (("volume_l = 200", "volume_l = 200\nmost_c = 55"), "tank.0.legionella_c = 60.0: at most"),
    "names twice": (('name = "tank"', 'name = "house"'), 'tank.0.name = "house": stands twice'),
    "more than the car holds": (
        ("needs_wh = 20000", "needs_wh = 70000"),
        "charger.0.car.needs_wh = 70000.0: at most capa",
    ),
    "leaves as it comes": (('returns = "17:30"', 'returns = "07:15"'), "charger.0.car.returns"),
    "runs longer than it may": (('until = "20:00"', 'until = "09:30"'), "relay.1.run.hours = 2.0: at most 1.5"),
    "plan without prices": (("[tariff]\nimport_per_kwh = 0.3\nexport_per_kwh = 0.08\n", ""), "tariff = (absent)"),
    "who may be switched is unknown": (('"pool"]', '"pol"]'), 'owner.may_switch = "pol": did you mean pool?'),
    "half a place": (
        ("longitude_deg = 13.4\n", ""),
        "site.longitude_deg = (absent): must be there beside latitude_deg",
    ),
    "unbalance without a fuse": (("fuse_a = 25\n", ""), "site.fuse_a = (absent): must be there beside unbalance_max_a"),
    "a meter that wears": (('model = "sdm630"', 'model = "sdm630"\nwear_per_kwh = 0.1'), "device.0.wear_per_kwh = 0.1"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_is_a_mistake_of_its_own(name: str) -> None:
    change, text = CONTRADICTIONS[name]
    found = said(changed(change))
    assert len(found) == 1, found
    assert text in found[0]


def test_a_car_that_cannot_be_charged_while_it_is_home_is_a_mistake() -> None:
    """6 A on one phase are 1380 W; from 22:00 to 07:15 that is 12,765 Wh."""
    found = said(
        changed(
            ('returns = "17:30"', 'returns = "22:00"'),
            ('use = "plan"\n[charger.car]', 'phases = 1\ncurrent_max_a = 6\nuse = "plan"\n[charger.car]'),
        )
    )
    assert found == ["charger.0.car.needs_wh = 20000.0: at most 12765 is allowed: 1380 W from returns to departs"]


def test_planned_loads_need_a_plan_but_a_heater_has_its_thermostat() -> None:
    """Without [plan] the boiler still follows its tank; the pool and the car would never be switched on."""
    found = said(changed(("[plan]\nhorizon_h = 36\nstep_s = 300\n", "")))
    assert [each.partition(" ")[0] for each in found] == ["charger.0.use", "relay.1.use"]


def test_every_contradiction_is_told_at_once() -> None:
    picked = [CONTRADICTIONS[name] for name in ("least above most", "an unknown sensor", "runs longer than it may")]
    found = said(changed(*(change for change, _ in picked)))
    assert len(found) == 3


WRONG = {
    "zone": (('"Europe/Berlin"', '"Europe/Atlantis"'), "site.timezone", "a time zone such as Europe/Berlin"),
    "risk": (("risk = 0.8", "risk = 0.3"), "owner.risk", "greater than or equal to 0.5"),
    "step": (("step_s = 300", "step_s = 600"), "plan.step_s", "300 or 900"),
    "time": (('departs = "07:15"', 'departs = "7 Uhr"'), "charger.0.car.departs", 'such as "07:15"'),
    "day": (('"mon", "tue"', '"mon", "di"'), "charger.0.car.days.1", "'mon', 'tue'"),
    "hot": (("most_c = 24", "most_c = 60"), "room.0.most_c", "less than or equal to 40"),
    "cop": (("[[-7, 2.6], [2, 3.4]", "[[2, 2.6], [-7, 3.4]"), "heat_pump.0.cop", "must rise"),
    "not a number": (("volume_l = 200", 'volume_l = "200"'), "tank.0.volume_l", "without quotation marks"),
    "nan": (("liked_c = 21", "liked_c = nan"), "room.0.liked_c", "finite"),
    "no energy": (("needs_wh = 20000", "needs_wh = -1"), "charger.0.car.needs_wh", "greater than 0"),
    "a long day": (("hours = 2", "hours = 25"), "relay.1.run.hours", "less than or equal to 24"),
    "unknown key": (("volume_l = 200", "volume_l = 200\nvolumen = 3"), "tank.0.volumen", "unknown key; did you mean"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_value_that_cannot_be_is_a_mistake_with_what_is_allowed(name: str, tmp_path: Path) -> None:
    change, key, allowed = WRONG[name]
    path = tmp_path / "home.toml"
    path.write_text(changed(change))
    with pytest.raises(ConfigError) as caught:
        load(path)
    found = [str(mistake) for mistake in caught.value.mistakes if mistake.key == key]
    assert len(found) == 1, caught.value.mistakes
    assert allowed in found[0]
