"""World files: what they may say, and how they say no."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sim_hardware.world.config import WorldConfig, WorldError, device_ids, expanded, load_world

LEAST = '[world]\nname = "w"\n[[home]]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "world.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> dict[str, str]:
    """What is wrong with a world, by key."""
    with pytest.raises(WorldError) as wrong:
        load_world(written(folder, text))
    return {each.key: str(each) for each in wrong.value.mistakes}


def test_the_least_world_has_one_home_with_a_meter(tmp_path: Path) -> None:
    config = load_world(written(tmp_path, LEAST))
    assert device_ids(config) == ["home-1/grid", "home-1/node"]
    assert config.world.start == datetime(2026, 6, 21, tzinfo=UTC)


def test_every_device_a_block_states_can_be_called(tmp_path: Path) -> None:
    text = LEAST + (
        'name = "villa"\ncount = 2\npv = {}\nbattery = {}\nheat_pump = {}\nload = { metered = true }\nplug_w = 60\n'
        'meter = { push = "p1" }\n[[station]]\nname = "oltc"\nkind = "tap-changer"\n'
        'at = "transformer"\n[feeder]\nkind = "street"\n'
    )
    devices = ("grid", "load", "pv", "battery", "relays", "push", "plug", "node")
    assert device_ids(load_world(written(tmp_path, text))) == [
        *(f"villa-1/{each}" for each in devices),
        *(f"villa-2/{each}" for each in devices),
        "oltc",
    ]


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ("house = { mass_j_per_k = -1 }", "home.0.house.mass_j_per_k", "-1: Input should be greater than 0"),
        ("pv = { peek_w = 1 }", "home.0.pv.peek_w", "unknown key; did you mean peak_w?"),
        ('battery = { capacity_wh = "10" }', "home.0.battery.capacity_wh", "without quotation marks"),
        ("battery = { soc_percent = nan }", "home.0.battery.soc_percent", "finite"),
        ("ev = { phases = 2 }", "home.0.ev.phases", "Input should be 1 or 3"),
        ('meter = { push = "p2" }', "home.0.meter.push", "'p1', 'sml' or 'dlms-push'"),
        ("count = 0", "home.0.count", "greater than or equal to 1"),
        ('name = "a/b"', "home.0.name", "String should match pattern"),
    ],
)
def test_a_wrong_home_names_key_value_and_what_is_allowed(tmp_path: Path, line: str, key: str, said: str) -> None:
    assert said in mistakes(tmp_path, LEAST + line)[key]


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("[[home]]\n", "world", "must be there"),
        ('[world]\nname = "w"\n', "home", "must be there"),
        ('[world]\nname = "w"\nstart = 2026-06-21T00:00:00\n[[home]]\n', "world.start", "with its zone"),
        (LEAST + "[wether]\n", "wether", "did you mean weather?"),
        (LEAST + "[[home]]\n", "home.1.name", "stands twice"),
        (LEAST + '[[fault]]\nat_s = 1\nword = "drop"\ndevice = "home-1/pv"\n', "fault", "no such device"),
        (LEAST + '[[fault]]\nat_s = 1\nword = "dorp"\ndevice = "*/grid"\n', "fault", "did you mean drop?"),
        (
            LEAST + "[random_faults]\nper_hour = 1\nwords = ['drop']\ndevices = ['*/pv']\n",
            "random_faults",
            "no such device",
        ),
        (LEAST + "[random_faults]\nper_hour = 1\nwords = []\n", "random_faults", "at least one"),
        (LEAST + "[node]\ncycle_s = 10\nlease_s = 39\n", "node.lease_s", "at least 40, four of node.cycle_s"),
        ("[world\n", "file", "readable TOML"),
    ],
)
def test_a_wrong_world_names_key_value_and_what_is_allowed(tmp_path: Path, text: str, key: str, said: str) -> None:
    assert said in mistakes(tmp_path, text)[key]


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = '[world]\nname = "w"\nstep_s = 0\n[[home]]\npv = { rating_w = -5 }\nhouse = { air_j_per_k = 0, glass = 1 }\n'
    assert set(mistakes(tmp_path, text)) == {
        "world.step_s",
        "home.0.pv.rating_w",
        "home.0.house.air_j_per_k",
        "home.0.house.glass",
    }


def test_a_missing_file_is_said_like_any_mistake(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="readable TOML"):
        load_world(tmp_path / "none.toml")


def test_wildcards_stand_for_every_device_they_fit() -> None:
    rows = expanded(({"at_s": 1, "device": "*/pv"}, {"at_s": 2, "device": "b"}), ["a/pv", "a/grid", "c/pv"])
    assert [row["device"] for row in rows] == ["a/pv", "c/pv", "b"]


def test_wildcards_stand_for_devices_of_chance_too(tmp_path: Path) -> None:
    load_world(written(tmp_path, LEAST + "[random_faults]\nper_hour = 1\nwords = ['drop']\ndevices = ['*/grid']\n"))


def test_editors_get_a_schema() -> None:
    schema = WorldConfig.model_json_schema()
    assert schema["required"] == ["world", "home"]
    assert schema["additionalProperties"] is False
