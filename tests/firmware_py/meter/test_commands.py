"""Signed commands to a whole meter on virtual time: what is carried out, what is refused, and that nothing moves then."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.gpio.lines import line_name
from firmware_py.meter.registers import shown_mwh
from protocols.contracts import utc_text
from protocols.faults import LinkDown
from protocols.signing import CONTRACT
from sim_hardware.devices.meter_terminals import SimRelay
from tests.drivers.gpio.fake_chip import FakeChip
from tests.firmware_py.meter.device_stage import BUTTON, OTHER_KEY, POWER_W, DeviceStage, later, on_stage


async def press(stage: DeviceStage) -> None:
    stage.contacts.move(BUTTON, True)
    await asyncio.sleep(0.3)
    stage.contacts.move(BUTTON, False)
    await asyncio.sleep(0.3)


def test_disconnected_from_afar_ready_from_afar_connected_by_hand(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await stage.tell(stage.command("disconnect"))
        assert not stage.relay.closed
        await press(stage)
        assert not stage.relay.closed, "the button alone must not connect who was cut off from afar"
        await stage.tell(stage.command("reconnect"))
        assert not stage.relay.closed
        await press(stage)
        assert stage.relay.closed

    stage = on_stage(tmp_path, film)
    assert stage.states == [
        ("disconnect", "received", ""),
        ("disconnect", "done", ""),
        ("reconnect", "received", ""),
        ("reconnect", "done", ""),
    ]
    assert [(ack.control, ack.connected) for ack in stage.acks if ack.state == "done"] == [
        ("disconnected", False),
        ("ready_for_reconnection", False),
    ]
    assert stage.events("command_done") == [
        "control_disconnected",
        "button_pressed",
        "control_ready_for_reconnection",
        "control_connected",
    ]
    by_hand = next(entry for entry in stage.log if entry.state == "control_connected")
    assert by_hand.details == {"by": "manual_reconnect", "before": "ready_for_reconnection"}


def test_in_mode_2_a_command_connects_at_once(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await stage.tell(stage.command("disconnect"))
        await stage.tell(stage.command("reconnect"))

    stage = on_stage(tmp_path, film, mode=2)
    assert stage.relay.closed
    assert (stage.acks[-1].control, stage.acks[-1].connected) == ("connected", True)


def test_asked_twice_it_is_done_twice_and_moved_once(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await stage.tell(stage.command("disconnect"))
        await stage.tell(stage.command("disconnect"))

    stage = on_stage(tmp_path, film)
    assert [state for _, state, _ in stage.states] == ["received", "done"] * 2
    assert stage.relay.switched == 1


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("audience", {"aud": "another"}),
    ("issuer", {"iss": "another"}),
    ("unknown_key", {"key": OTHER_KEY}),
    ("malformed", {"kind": CONTRACT}),
    ("malformed", {"seq": 0}),
    ("malformed", {"over": 1}),
    ("expired", {"good_until": "2026-06-20T23:59:59Z"}),
]


@pytest.mark.parametrize(("reason", "fields"), REFUSED)
def test_a_bad_command_is_refused_and_logged_and_nothing_moves(
    tmp_path: Path, reason: str, fields: dict[str, Any]
) -> None:
    stage = on_stage(tmp_path, lambda stage: stage.tell(stage.command("disconnect", **fields)))
    assert [(state, why) for _, state, why in stage.states] == [("refused", reason)]
    assert (stage.relay.closed, stage.relay.switched) == (True, 0)
    (entry,) = (entry for entry in stage.log if entry.state == "command_refused")
    assert entry.details["reason"] == reason


def test_retained_replayed_and_tampered_commands_are_refused(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        good = stage.command("disconnect")
        await stage.tell(good[:-4] + b"AAAA")
        await stage.tell(stage.command("disconnect"))
        await stage.tell(good)  # an older number
        await stage.tell(stage.command("reconnect"))
        await press(stage)
        await stage.tell(stage.command("disconnect", seq=2))
        await stage.tell(b"{}")
        stage.broker.cut("m")  # the retained one is there when the meter subscribes again
        await stage.tell(stage.command("disconnect"), retain=True, wait_s=5.0)

    stage = on_stage(tmp_path, film)
    assert [(state, reason) for _, state, reason in stage.states] == [
        ("refused", "signature"),
        ("received", ""),
        ("done", ""),
        ("refused", "sequence"),
        ("received", ""),
        ("done", ""),
        ("refused", "sequence"),
        ("refused", "malformed"),
        ("refused", "retained"),
    ]
    assert stage.relay.closed


def test_the_number_of_a_refused_command_is_used_up_also_after_a_restart(tmp_path: Path) -> None:
    on_stage(tmp_path, lambda stage: stage.tell(stage.command("disconnect", seq=7, good_until="2026-06-20T00:00:00Z")))
    stage = on_stage(tmp_path, lambda stage: stage.tell(stage.command("disconnect", seq=7)))
    assert stage.states[-1] == ("disconnect", "refused", "sequence")
    assert stage.relay.closed


def test_with_a_clock_that_was_never_set_nothing_is_carried_out(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        stage.clock.step(-30 * 365 * 86400.0)
        await stage.tell(stage.command("disconnect"))

    stage = on_stage(tmp_path, film)
    assert stage.states == [("disconnect", "refused", "clock")]
    assert stage.relay.closed


@pytest.mark.parametrize("silent", [False, True])
def test_a_relay_that_is_welded_is_a_failure_and_the_order_stands(tmp_path: Path, silent: bool) -> None:
    async def film(stage: DeviceStage) -> None:
        stage.relay.welded, stage.relay.silent = True, silent
        await stage.tell(stage.command("disconnect"))
        assert stage.states[-1] == ("disconnect", "failed", "NotApplied")
        await asyncio.sleep(30.0)
        stage.relay.welded = False
        await asyncio.sleep(30.0)
        assert not stage.relay.closed

    stage = on_stage(tmp_path, film)
    assert stage.events() == [
        "control_disconnected",
        "command_failed",
        "power_while_disconnected",
        "relay_failed",
        "relay_good",
    ]


def test_a_relay_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    relay = SimRelay()
    relay.fault = LinkDown("chip away")
    stage = on_stage(tmp_path, lambda stage: stage.tell(stage.command("disconnect")), relay=relay)
    assert stage.states[-1] == ("disconnect", "failed", "LinkDown")
    assert stage.acks[-1].connected is None


def test_after_a_restart_the_relay_stands_where_it_should(tmp_path: Path) -> None:
    on_stage(tmp_path, lambda stage: stage.tell(stage.command("disconnect")))
    stage = on_stage(tmp_path, later(1.0))  # the relay of this life begins closed
    assert not stage.relay.closed
    assert stage.node.parts.device.parts.disconnector.control == "disconnected"


def test_stopping_the_meter_leaves_the_relay_alone(tmp_path: Path) -> None:
    relay = SimRelay()
    on_stage(tmp_path, lambda stage: stage.tell(stage.command("disconnect")), relay=relay)
    assert (relay.closed, relay.switched) == (False, 1)


def test_a_load_limit_cuts_off_and_the_button_connects(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await stage.tell(stage.command("limit_load", import_max_w=POWER_W - 1, over_s=30.0))
        await asyncio.sleep(28.0)
        assert stage.relay.closed
        await asyncio.sleep(3.0)
        assert not stage.relay.closed
        await stage.tell(stage.command("lift_limit"))
        await press(stage)
        await asyncio.sleep(60.0)
        assert stage.relay.closed

    stage = on_stage(tmp_path, film)
    cut = next(entry for entry in stage.log if entry.state == "control_ready_for_reconnection")
    assert cut.why == "3450 W are imported, 3449 W are allowed"
    assert cut.details["by"] == "local_disconnect"


def test_a_load_limit_that_is_kept_changes_nothing_and_ends(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        until = utc_text(stage.clock.utc() + timedelta(seconds=20))
        await stage.tell(stage.command("limit_load", import_max_w=POWER_W + 1, over_s=5.0, until=until))
        await asyncio.sleep(30.0)

    stage = on_stage(tmp_path, film)
    assert stage.relay.switched == 0
    assert stage.events() == ["command_done", "limit_ended"]


def test_a_load_limit_survives_a_restart_and_connects_by_itself_in_mode_5(tmp_path: Path) -> None:
    async def first(stage: DeviceStage) -> None:
        await stage.tell(
            stage.command("limit_load", import_max_w=1000.0, over_s=2.0, reconnect_after_s=10.0, attempts=1)
        )
        await asyncio.sleep(4.0)
        assert not stage.relay.closed

    async def second(stage: DeviceStage) -> None:
        await asyncio.sleep(8.0)
        assert not stage.relay.closed
        await asyncio.sleep(3.0)
        assert stage.relay.closed
        await asyncio.sleep(60.0)
        assert not stage.relay.closed, "one attempt was allowed"

    on_stage(tmp_path, first, mode=5)
    on_stage(tmp_path, second, mode=5)


def test_a_limit_in_the_past_is_refused(tmp_path: Path) -> None:
    past: dict[str, Any] = {"import_max_w": 1.0, "over_s": 1.0, "until": "2026-06-20T00:00:00Z"}
    stage = on_stage(tmp_path, lambda stage: stage.tell(stage.command("limit_load", **past)))
    assert stage.states[-1] == ("limit_load", "refused", "expired")


def counted_mwh(stage: DeviceStage, tariff: int) -> int:
    return shown_mwh(stage.node.shown.count("import", tariff))


def test_a_tariff_is_set_until_it_dies_of_age(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(59.5)
        until = utc_text(stage.clock.utc() + timedelta(minutes=1))
        await stage.tell(stage.command("set_tariff", tariff=4, until=until))
        await asyncio.sleep(120.0)

    stage = on_stage(tmp_path, film)
    assert counted_mwh(stage, 4) == pytest.approx(POWER_W * 60 / 3.6, rel=0.02)
    assert counted_mwh(stage, 1) == pytest.approx(POWER_W * 121 / 3.6, rel=0.02)
    assert stage.states[-1] == ("set_tariff", "done", "")
    entry = next(entry for entry in stage.log if entry.state == "command_done")
    assert (entry.details["do"], entry.why) == ("set_tariff", "tariff 4 in the place of it")


def test_the_calendar_decides_again_when_told_so(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        until = utc_text(stage.clock.utc() + timedelta(days=1))
        await stage.tell(stage.command("set_tariff", tariff=4, until=until), wait_s=60.0)
        await stage.tell(stage.command("follow_calendar"), wait_s=60.0)

    stage = on_stage(tmp_path, film)
    assert counted_mwh(stage, 4) == pytest.approx(POWER_W * 60 / 3.6, rel=0.02)
    assert counted_mwh(stage, 1) == pytest.approx(POWER_W * 60 / 3.6, rel=0.02)


CALENDAR = {"zone": "Europe/Berlin", "default": 3, "rules": [{"tariff": 5, "begin": "02:02", "end": "02:03"}]}


def test_another_calendar_from_a_moment_on_also_after_a_restart(tmp_path: Path) -> None:
    """02:02 in Berlin is 00:02 UTC in June: two minutes of the old one, one of 5, then 3."""

    async def film(stage: DeviceStage) -> None:
        start = utc_text(stage.clock.utc().replace(microsecond=0, second=0) + timedelta(minutes=2))
        await stage.tell(stage.command("replace_calendar", start=start, calendar=CALENDAR))
        await asyncio.sleep(240.0 - 1.5)

    stage = on_stage(tmp_path, film)
    found = [counted_mwh(stage, tariff) for tariff in (1, 5, 3)]
    assert found == pytest.approx([POWER_W * s / 3.6 for s in (120, 60, 60)], rel=0.02)
    again = on_stage(tmp_path, later(60.0))  # midnight again: the new one is not in force yet
    assert counted_mwh(again, 1) == pytest.approx(POWER_W * 180 / 3.6, rel=0.02)
    assert len(again.node.parts.keeper.settings.calendar.later) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "broken",
    [{"zone": "Nowhere/None"}, {"default": 9}, {"rules": [{"tariff": 1, "begin": "25:00"}]}, {"holidays": ["x"]}],
)
def test_a_calendar_that_is_none_is_refused(tmp_path: Path, broken: dict[str, Any]) -> None:
    told: dict[str, Any] = {"start": "2026-06-21T00:00:00Z", "calendar": {**CALENDAR, **broken}}
    stage = on_stage(tmp_path, lambda stage: stage.tell(stage.command("replace_calendar", **told)))
    assert stage.states[-1][1:] == ("refused", "malformed")


def test_a_self_test_is_asked_for(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        await asyncio.sleep(20.0)
        stage.free_bytes = 10 * 2**20
        await stage.tell(stage.command("self_test"))

    stage = on_stage(tmp_path, film)
    assert stage.acks[-1].why == "9 of 10 good; disk: 10 MiB free of 50 MiB needed"
    at_start, asked = (entry for entry in stage.log if entry.state == "self_test")
    assert (at_start.why, at_start.details["passed"]) == ("10 of 10 good", True)
    assert (asked.details["passed"], asked.details["sample_rate"]) == (False, "1000.0 Hz of 1000 Hz")


def test_without_a_relay_it_is_refused(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        stage.node.parts.device.parts.disconnector._relay = None
        await stage.tell(stage.command("disconnect"))
        await stage.tell(stage.command("limit_load", import_max_w=1.0, over_s=1.0))

    assert [reason for _, _, reason in on_stage(tmp_path, film).states if reason] == ["no_relay"] * 2


def test_a_flood_of_rubbish_is_recorded_in_part(tmp_path: Path) -> None:
    async def film(stage: DeviceStage) -> None:
        for _ in range(500):
            await stage.tell(b"rubbish", wait_s=0.0)
        await asyncio.sleep(5.0)

    stage = on_stage(tmp_path, film)
    assert 0 < len(stage.states) <= 61
    assert json.loads(stage.heard[-1].payload)["state"] == "offline"


def test_the_same_on_gpio_lines(tmp_path: Path) -> None:
    """Contacts to ground with a pull-up: closed is low. The line of the relay is high where the site is connected."""
    cover, magnet, supply, button, relay = (line_name(f"gpiochip0:{n}") for n in range(1, 6))
    chip = FakeChip({cover: False, magnet: True, supply: False, button: True, relay: False})

    async def film(stage: DeviceStage) -> None:
        assert chip.levels[relay]
        await stage.tell(stage.command("disconnect"))
        assert not chip.levels[relay]
        await stage.tell(stage.command("reconnect"))
        chip.put(button, False)
        await asyncio.sleep(1.0)
        chip.put(cover, True)
        await asyncio.sleep(1.0)

    stage = on_stage(tmp_path, film, mode='1\nline = "gpiochip0:5"', chip=chip)
    assert stage.events("command_done") == [
        "control_disconnected",
        "control_ready_for_reconnection",
        "control_connected",
        "cover_opened",
    ]
    assert chip.levels[relay], "and so it stays when the meter stops"
