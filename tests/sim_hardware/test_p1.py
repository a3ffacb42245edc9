"""P1 telegrams, against a public one."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sim_hardware.devices.p1 import P1, closed, crc16
from sim_hardware.devices.push_reading import central_europe
from tests.sim_hardware.push_vectors import READING, p1_telegram


def fields(telegram: bytes) -> dict[str, str]:
    """OBIS code to what stands in the brackets."""
    return dict(re.findall(r"^(\d-\d:[\d.]+)\((.*)\)\r$", telegram.decode("ascii"), re.MULTILINE))


def test_the_check_sum_is_that_of_the_public_telegram() -> None:
    text, _, crc = p1_telegram().partition(b"!")
    assert f"{crc16(text + b'!'):04X}\r\n".encode() == crc == b"6EEE\r\n"
    assert closed((text + b"!").decode()) == p1_telegram()


def test_a_check_sum_keeps_its_leading_zeros() -> None:
    sums = [closed(f"/BSB5X\r\n\r\n{number}\r\n!")[-6:-2] for number in range(100)]
    assert any(each.startswith(b"0") for each in sums)
    assert all(re.fullmatch(rb"[0-9A-F]{4}", each) for each in sums)


def test_codes_and_order_are_those_of_the_public_telegram_without_its_gas_meter() -> None:
    codes = [code for code in fields(p1_telegram()) if not code.startswith(("0-1:", "0-2:"))]
    assert list(fields(P1()(READING))) == codes


def test_lines_end_as_the_public_ones_do() -> None:
    telegram = P1()(READING)
    assert telegram.startswith(b"/BSB5SIM-METER\r\n\r\n1-3:0.2.8(50)\r\n")
    assert telegram.count(b"\n") == telegram.count(b"\r\n")
    assert re.search(rb"\r\n![0-9A-F]{4}\r\n$", telegram)


def test_values_of_a_house_that_exports() -> None:
    found = fields(P1()(READING))
    assert found["0-0:1.0.0"] == "260621143456S"
    assert (found["1-0:1.7.0"], found["1-0:2.7.0"]) == ("00.000*kW", "00.400*kW")
    assert [found[f"1-0:{code}.7.0"] for code in (21, 41, 61)] == ["00.500*kW", "00.000*kW", "00.300*kW"]
    assert [found[f"1-0:{code}.7.0"] for code in (22, 42, 62)] == ["00.000*kW", "01.200*kW", "00.000*kW"]
    assert [found[f"1-0:{code}.7.0"] for code in (32, 52, 72)] == ["230.4*V", "231.0*V", "229.0*V"]
    assert [found[f"1-0:{code}.7.0"] for code in (31, 51, 71)] == ["002*A", "005*A", "001*A"]
    assert (found["1-0:1.8.2"], found["1-0:2.8.2"]) == ("012345.678*kWh", "007654.321*kWh")
    assert bytes.fromhex(found["0-0:96.1.1"]) == b"E0001000000000001"


def test_values_keep_their_width() -> None:
    found = fields(P1()(replace(READING, power_w=(1e6, 0.0, 0.0), import_wh=1e9 + 1000.0)))
    assert found["1-0:1.7.0"] == "99.999*kW"
    assert found["1-0:1.8.2"] == "000001.000*kWh", "the counter rolled over"


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ("2026-03-29 00:59:59", "2026-03-29 01:59:59 W"),
        ("2026-03-29 01:00:00", "2026-03-29 03:00:00 S"),
        ("2026-10-25 00:59:59", "2026-10-25 02:59:59 S"),
        ("2026-10-25 01:00:00", "2026-10-25 02:00:00 W"),
        ("2027-03-28 01:00:00", "2027-03-28 03:00:00 S"),
        ("2026-12-31 23:30:00", "2027-01-01 00:30:00 W"),
    ],
)
def test_summer_time(utc: str, local: str) -> None:
    time, summer = central_europe(datetime.fromisoformat(utc).replace(tzinfo=UTC))
    assert f"{time:%Y-%m-%d %H:%M:%S} {'S' if summer else 'W'}" == local


@pytest.mark.parametrize("identification", ["BSB4X", "BSB5", "BSB5" + 17 * "x", "BSB5ä"])
def test_a_wrong_identification_is_refused(identification: str) -> None:
    with pytest.raises(ValueError, match="three letters, a 5"):
        P1(identification)


def test_a_wrong_serial_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 48"):
        P1(serial="")
