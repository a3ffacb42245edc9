"""A meter's configuration: every mistake at once, with key, value and what is allowed."""

import re
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware_py.config import ConfigError
from firmware_py.meter.config import AdcInput, load_meter
from protocols.ocmf_writing import new_key
from protocols.signing import new_private_key, public_part

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


DEVICE = """
[clock]
rtc = true
[log]
entries_most = 50
key_file = "log.key"
[ocmf]
key_file = "ocmf.key"
[contacts]
cover = "gpiochip0:17"
button = "BUTTON"
[disconnect]
line = "gpiochip0:5"
mode = 2
[[issuer]]
name = "dso"
key_file = "dso.pub"
"""


def with_keys(folder: Path) -> Path:
    secret = new_private_key()
    (folder / "log.key").write_text(secret)
    (folder / "dso.pub").write_text(public_part(secret))
    (folder / "ocmf.key").write_bytes(new_key()[0])
    return folder


def test_what_a_meter_is_besides_measuring(tmp_path: Path) -> None:
    (with_keys(tmp_path) / "meter.toml").write_text(METER + RECORDING + DEVICE)
    loaded = load_meter(tmp_path / "meter.toml")
    contacts = loaded.config.contacts
    assert contacts is not None
    assert contacts.names == ("cover", "button")
    assert [str(line) for line in contacts.lines()] == ["gpiochip0:17", "BUTTON"]
    assert list(loaded.trust.issuers.values()) == ["dso"]
    assert loaded.log_key is not None
    assert loaded.ocmf_key is not None


def test_every_mistake_of_the_device_is_named(tmp_path: Path) -> None:
    text = DEVICE.replace('"gpiochip0:17"', '"17"').replace("mode = 2", "mode = 0").replace("most = 50", "most = 1")
    found = "\n".join(mistakes(with_keys(tmp_path), METER + RECORDING + text))
    for key in ("contacts.cover", "disconnect.mode", "log.entries_most"):
        assert key in found


def test_keys_that_are_none_are_named_and_never_shown(tmp_path: Path) -> None:
    with_keys(tmp_path)
    (tmp_path / "log.key").write_text((tmp_path / "dso.pub").read_text())
    other = ec.generate_private_key(ec.SECP384R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ocmf.key").write_bytes(pem)
    (tmp_path / "dso.pub").unlink()
    found = mistakes(tmp_path, METER + RECORDING + DEVICE)
    assert [each.partition(" ")[0].rstrip(":") for each in found] == [
        "issuer.0.key_file",
        "log.key_file",
        "ocmf.key_file",
    ]
    assert "secp256r1" in found[2]
    assert pem.decode().splitlines()[1] not in "".join(found)


def test_the_example_is_right_also_with_everything_switched_on(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "examples/meter.toml").read_text()
    device = text[text.index("# [clock]") :]
    on = text.replace(device, re.sub(r"(?m)^# ", "", device))
    found = mistakes(tmp_path, on)
    assert [each.partition(" ")[0].rstrip(":") for each in found] == [
        "issuer.0.key_file",
        "log.key_file",
        "ocmf.key_file",
    ]
