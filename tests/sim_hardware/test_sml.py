"""SML, against a public capture of an EMH meter: the same parts must give the same bytes."""

from dataclasses import replace

import pytest

from sim_hardware.devices.sml import (
    ABSENT,
    Sml,
    crc16,
    cut,
    message,
    octets,
    sequence,
    signed,
    transmission,
    unsigned,
)
from tests.sim_hardware.push_vectors import READING, sml_transmission

SERVER = bytes.fromhex("0a 01 45 4d 48 00 00 00 00 01")
TIME = sequence(unsigned(1, 1), unsigned(0x0169_1CC0, 4))


def entry(obis: str, status: bytes, time: bytes, unit: bytes, scaler: bytes, value: bytes) -> bytes:
    return sequence(octets(bytes.fromhex(obis)), status, time, unit, scaler, value, ABSENT)


def test_the_public_capture_is_rebuilt_byte_for_byte() -> None:
    client = octets(6 * b"\xff")
    opened = sequence(ABSENT, client, octets(bytes.fromhex("0027ab40")), octets(SERVER), TIME, unsigned(1, 1))
    wh, tenth = unsigned(30, 1), signed(-1, 1)
    entries = sequence(
        entry("0100603201 01", ABSENT, ABSENT, ABSENT, ABSENT, octets(b"EMH")),
        entry("0100600100ff", ABSENT, ABSENT, ABSENT, ABSENT, octets(SERVER)),
        sequence(
            octets(bytes.fromhex("0100010800ff")),
            bytes.fromhex("64 1c8104"),  # a status in three bytes
            TIME,
            wh,
            tenth,
            unsigned(44_048_664, 8),
            ABSENT,
        ),
        entry("0100020800ff", ABSENT, TIME, wh, tenth, unsigned(1553, 8)),
        entry("0100100700ff", ABSENT, TIME, unsigned(27, 1), signed(0, 1), signed(1837, 4)),
    )
    listed = sequence(client, octets(SERVER), octets(bytes.fromhex("0100620affff")), TIME, entries, ABSENT, ABSENT)
    bodies = {0x007701BE: (0x0101, opened), 0x007701BF: (0x0701, listed), 0x007701C0: (0x0201, sequence(ABSENT))}
    messages = [message(number.to_bytes(4, "big"), 0, tag, body) for number, (tag, body) in bodies.items()]
    assert transmission(messages).hex() == sml_transmission().hex()


@pytest.mark.parametrize(
    ("field", "hexadecimal"),
    [
        (octets(b""), "01"),
        (octets(14 * b"a"), "0f" + 14 * "61"),
        (octets(15 * b"a"), "8101" + 15 * "61"),  # a length above 15 takes two bytes, which count as well
        (octets(253 * b"a"), "8f0f" + 253 * "61"),
        (octets(254 * b"a"), "818001" + 254 * "61"),
        (sequence(*16 * [ABSENT]), "f100" + 16 * "01"),
        (signed(-1, 1), "52ff"),
        (unsigned(30, 1), "621e"),
    ],
)
def test_fields(field: bytes, hexadecimal: str) -> None:
    assert field.hex() == hexadecimal


@pytest.mark.parametrize("fill", range(4))
def test_a_transmission_is_filled_up_and_says_by_how_much(fill: int) -> None:
    sent = transmission([bytes(8 - fill)])
    assert len(sent) % 4 == 0
    assert sent[-3] == fill
    assert sent[-2:] == crc16(sent[:-2])


def test_an_escape_inside_is_doubled() -> None:
    sent = transmission([b"\x1b\x1b\x1b\x1babcd"])
    assert sent[8:20] == 8 * b"\x1b" + b"abcd"


def test_values_of_a_house_that_exports() -> None:
    sent = Sml(number=1_234_567)(READING)
    assert bytes.fromhex("0100010800ff 6500000904 01 621e 52ff 69") + (123_456_784).to_bytes(8, "big") in sent
    assert bytes.fromhex("0100020800ff 01 01 621e 52ff 69") + (76_543_210).to_bytes(8, "big") in sent
    assert bytes.fromhex("0100100700ff 01 01 621b 52fe 55") + (-40_000).to_bytes(4, "big", signed=True) in sent
    assert bytes.fromhex("0100380700ff 01 01 621b 52fe 55") + (-120_000).to_bytes(4, "big", signed=True) in sent
    assert bytes.fromhex("0100200700ff 01 01 6223 52ff 63") + (2304).to_bytes(2, "big") in sent
    assert bytes.fromhex("0100330700ff 01 01 6221 52fe 63") + (520).to_bytes(2, "big") in sent


def test_the_status_says_who_gives() -> None:
    importing = Sml()(replace(READING, power_w=(1.0, 0.0, 0.0)))
    assert bytes.fromhex("0100010800ff 6500000104") in importing


def test_transmissions_are_numbered() -> None:
    meter = Sml()
    assert meter(READING) != meter(READING)


@pytest.mark.parametrize(
    ("number", "field"),
    [
        (0, "5200"),
        (127, "527f"),
        (200, "52c8"),  # reads as -56
        (50_000, "53c350"),  # reads as -15,536
        (65_536, "54010000"),
        (-1, "52ff"),
        (-128, "5280"),
        (-129, "53ff7f"),
        (-40_000, "54ff63c0"),  # a negative number of three bytes
    ],
)
def test_the_dzg_quirk_leaves_no_room_for_the_sign(number: int, field: str) -> None:
    assert cut(number).hex() == field


def test_the_dzg_meter_says_who_it_is() -> None:
    sent = Sml(number=42, dzg=True)(replace(READING, power_w=(2.0, 0.0, 0.0)))
    assert b"1 DZG00 00000042" in sent
    assert bytes.fromhex("0100100700ff 01 01 621b 52fe 52c8") in sent
    assert bytes.fromhex("0100100700ff 01 01 621b 52fe 55000000c8") in Sml()(replace(READING, power_w=(2.0, 0.0, 0.0)))


@pytest.mark.parametrize(("maker", "number"), [("bsb", 1), ("BS", 1), ("BSB", -1), ("BSB", 100_000_000)])
def test_wrong_names_are_refused(maker: str, number: int) -> None:
    with pytest.raises(ValueError, match="SML"):
        Sml(maker=maker, number=number)
