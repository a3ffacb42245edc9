"""Mode C: one readout, byte by byte, with echoes, with parity, and spoilt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.iec62056_21 import BAUDS, Identified, ModeCReader, acknowledgement, block_check, with_parity
from protocols.telegrams import Event, Rejected, Telegram
from sim_hardware.devices.iec62056 import FIGURES, Iec62056, checked, even
from tests.protocols.telegram_cases import singles
from tests.sim_hardware.push_vectors import READING

METER = Iec62056()
ANSWER = METER.identification + METER(READING)
VALUES = {
    "power_w": -400.0,
    "voltage_l1_v": 230.4,
    "voltage_l2_v": 231.0,
    "voltage_l3_v": 229.0,
    "energy_import_wh": 12_345_678.0,
    "energy_export_wh": 7_654_321.0,
}


def said(*pieces: bytes) -> list[Event | Identified]:
    reader = ModeCReader()
    return [event for piece in pieces for event in reader.feed(piece)]


@pytest.mark.parametrize("parity", [False, True])
@pytest.mark.parametrize("echo", [b"", b"/?!\r\n"])
def test_a_readout(parity: bool, echo: bytes) -> None:
    data = echo + ANSWER
    data = with_parity(data) if parity else data
    identified, telegram = said(*singles(data))
    assert [identified, telegram] == said(data)
    assert identified == Identified("/BSB5SIM-C", "5")
    assert telegram == Telegram("BSB", "SIM-C", "00000001", VALUES)


def test_the_echo_of_an_acknowledgement_is_skipped() -> None:
    events = said(METER.identification, acknowledgement("5"), METER(READING))
    assert isinstance(events[-1], Telegram)


def test_figures_and_parity_are_those_of_the_simulated_meter() -> None:
    assert {baud: figure for figure, baud in BAUDS.items()} == FIGURES
    assert with_parity(bytes(range(128))) == even(bytes(range(128)))
    assert acknowledgement("5") == b"\x06050\r\n"


@pytest.mark.parametrize(
    "message",
    [b"\x023:171.0(0)\x03\x12", b'\x023:14(314*kWh)4:15(415*kWh)\r\n!\r\n\x03"', b"\x01P0\x02(1234567)\x03P"],
)
def test_the_block_check_is_that_of_public_messages(message: bytes) -> None:
    """From pwitab/iec62056-21 (BSD-3), tests/test_data.py, commit 09d9acfa43dffdbbf602caf1e5d638cca1e571f6."""
    assert block_check(message[1:-1]) == message[-1]


def test_every_flipped_bit_of_the_block_is_noticed() -> None:
    for parity in (bytes, with_parity):
        head, block = parity(METER.identification), parity(METER(READING))
        for bit in range(8 * len(block)):
            spoilt = bytearray(block)
            spoilt[bit // 8] ^= 1 << bit % 8
            assert not [event for event in said(head, bytes(spoilt)) if isinstance(event, Telegram)], bit


def test_every_lost_character_of_the_block_is_noticed() -> None:
    block = METER(READING)
    for at in range(len(block)):
        events = said(METER.identification, block[:at] + block[at + 1 :])
        assert not [event for event in events if isinstance(event, Telegram)], at


def test_a_cut_readout_says_nothing() -> None:
    for end in range(len(ANSWER)):
        assert not [event for event in said(ANSWER[:end]) if not isinstance(event, Identified)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"/BSBASIM\r\n", "'/BSBASIM' is no meter of mode C"),
        (METER.identification + checked(b"1.8.0(1*kWh)\r\n"), "a data block without its end"),
        (METER.identification + checked(b"1.8.0(1*kWh\r\n!\r\n"), "line '1.8.0(1*kWh'"),
        (METER.identification + checked(b"F.F(00)\r\n!\r\n"), "no value that we know"),
        (METER.identification + bytes(20_000), "more than 16384 bytes without a data block"),
    ],
)
def test_what_is_refused(data: bytes, says: str) -> None:
    assert said(data)[-1] == Rejected(says)


@given(st.binary(max_size=300), st.booleans(), st.data())
def test_junk_never_raises_and_cuts_make_no_difference(junk: bytes, identified: bool, data: st.DataObject) -> None:
    stream = (METER.identification if identified else b"") + junk
    assert said(stream) == said(*singles(stream))
    assert not [event for event in said(stream) if isinstance(event, Telegram)]


def test_what_is_kept_is_bounded() -> None:
    for head in (b"", METER.identification):
        reader = ModeCReader()
        reader.feed(head)
        for _ in range(40):
            reader.feed(b"/" * 1000)
        assert len(vars(reader)["_buffer"]) <= 17_500
