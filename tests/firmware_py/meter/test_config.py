"""A meter's configuration: every mistake at once, with key, value and what is allowed."""

from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firmware_py.config import ConfigError
from firmware_py.meter.config import AdcInput, load_meter

METER = """
[meter]
id = "meter-1"
serial = "BB-0001"
state_dir = "state"
"""
RECORDING = """
[input]
kind = "recording"
path = "day.npz"
"""
WHOLE = (
    METER
    + """
nominal_frequency_hz = 60
[input]
kind = "ads131m08"
osr = 256
channel = [
    { name = "u1", pin = 0, ratio = 800 }, { name = "u2", pin = 1, ratio = 800 }, { name = "u3", pin = 2, ratio = 800 },
    { name = "i1", pin = 3, ratio = 50, gain = 4 }, { name = "i2", pin = 4, ratio = -50 }, { name = "i3", pin = 5, ratio = 50 },
]
[registers]
profile_min = 5
[tariff]
zone = "Europe/Berlin"
holidays = [2026-12-25]
[[tariff.rule]]
tariff = 2
begin = "22:00"
end = "06:00"
[[tariff.rule]]
tariff = 3
days = ["sun", "holiday"]
[mqtt]
url = "mqtt://broker"
username = "me"
password_file = "secret"
[modbus]
port = 5020
"""
)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "meter.toml").write_text(text)
    with pytest.raises(ConfigError) as found:
        load_meter(tmp_path / "meter.toml")
    return [str(mistake) for mistake in found.value.mistakes]


def test_a_whole_configuration(tmp_path: Path) -> None:
    (tmp_path / "meter.toml").write_text(WHOLE)
    (tmp_path / "secret").write_text("pw\n")
    loaded = load_meter(tmp_path / "meter.toml")
    config, calendar = loaded.config, loaded.config.tariff.calendar()
    assert loaded.password == "pw"
    assert isinstance(config.input, AdcInput)
    assert config.input.wiring().fs_hz == 16_000.0
    assert config.input.wiring().channels["i2"].ratio == -50.0
    assert calendar.zone == ZoneInfo("Europe/Berlin")
    assert calendar.holidays == frozenset({date(2026, 12, 25)})
    assert (calendar.rules[0].begin, calendar.rules[0].end) == (time(22), time(6))
    assert (calendar.rules[1].begin, calendar.rules[1].end) == (time(0), time(0))
    assert config.register_settings().profile_min == 5


def test_the_least_configuration(tmp_path: Path) -> None:
    (tmp_path / "meter.toml").write_text(METER + RECORDING)
    config = load_meter(tmp_path / "meter.toml").config
    assert (config.mqtt, config.modbus, config.registers.digits) == (None, None, 9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (METER, "input = (absent): must be there"),
        (METER + RECORDING.replace("path", "file"), 'input.file = "day.npz": unknown key'),
        (METER + RECORDING + "[tariff]\nzone = 'Europe/Berlim'", "a time zone such as Europe/Berlin is allowed"),
        (METER + RECORDING + "[registers]\nprofile_min = 7", "registers.profile_min = 7: allowed are 1, 5, 15, 30, 60"),
        (METER + RECORDING + "[[tariff.rule]]\ntariff = 9", "tariff.rule.0.tariff = 9"),
        (METER + RECORDING + "[[tariff.rule]]\ntariff = 2\nbegin = '25:00'", 'tariff.rule.0.begin = "25:00"'),
        (METER + RECORDING + "[mqtt]\nurl = 'http://x'", "mqtt.url"),
        (METER + RECORDING + "[mqtt]\nurl = 'mqtt://x'\npassword_file = 'no'", "mqtt.password_file"),
        (WHOLE.replace("pin = 5", "pin = 4"), "each channel needs one of its own"),
        (WHOLE.replace('name = "u2"', 'name = "u1"'), "each may stand once"),
        (WHOLE.replace("osr = 256", "osr = 200"), "osr 200: allowed are 128"),
        (WHOLE.replace("gain = 4", "gain = 3"), "gain 3: allowed are 1, 2, 4"),
        ("[meter", "a readable TOML file is needed"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(said in each for each in found), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path, METER.replace("BB-0001", "") + RECORDING + "[registers]\ndigits = 99\n[modbus]\nunit = 0"
    )
    assert [each.split(" = ")[0] for each in found] == ["meter.serial", "registers.digits", "modbus.unit"]
