"""SML: what the captured transmission says, the sign of DZG meters, and forms that are refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.crc_x25 import x25
from protocols.sml import SmlReader
from protocols.telegrams import Rejected
from sim_hardware.devices.sml import (
    ABSENT,
    CLOSE,
    GET_LIST,
    Sml,
    message,
    octets,
    sequence,
    signed,
    transmission,
    unsigned,
)
from tests.protocols.telegram_cases import believed, said
from tests.sim_hardware.push_vectors import READING, sml_transmission

EXPORTS, IMPORTS = 0x904, 0x104


def one_register(
    value: bytes,
    *,
    server: bytes = b"\x0a\x01DZG\x00\x00\x00\x00\x01",
    status: int = IMPORTS,
    obis: str = "0100100700ff",
) -> bytes:
    """A transmission with the status at 1.8.0, and one value in hundredths of W."""

    def entry(code: str, state: bytes, unit: int, scaler: int, number: bytes) -> bytes:
        return sequence(
            octets(bytes.fromhex(code)), state, ABSENT, unsigned(unit, 1), signed(scaler, 1), number, ABSENT
        )

    entries = sequence(
        entry("0100010800ff", unsigned(status, 4), 30, -1, unsigned(10, 8)), entry(obis, ABSENT, 27, -2, value)
    )
    listed = sequence(ABSENT, octets(server), ABSENT, ABSENT, entries, ABSENT, ABSENT)
    return transmission([message(b"\x01", 0, GET_LIST, listed), message(b"\x02", 0, CLOSE, sequence(ABSENT))])


def power_of(sent: bytes) -> float | None:
    (telegram,) = believed(said(SmlReader(), sent))
    return telegram.values.get("power_w")


def test_what_the_captured_transmission_says() -> None:
    (telegram,) = believed(said(SmlReader(), sml_transmission()))
    assert (telegram.maker, telegram.serial) == ("EMH", "1EMH0000000001")
    assert telegram.values == {"power_w": 1837.0, "energy_import_wh": 4_404_866.4, "energy_export_wh": 155.3}


@pytest.mark.parametrize(
    ("raw", "status", "power_w"),
    [
        ("538b28", IMPORTS, 356.24),  # the bytes of libsml-testing#16
        ("53d6ca", EXPORTS, -105.50),  # the bytes of libsml-testing#15
        ("54ff1479", EXPORTS, -602.95),  # the bytes of esphome#4494: a negative number of three bytes
        ("5400c350", IMPORTS, 500.0),
        ("55ffffec78", IMPORTS, -50.0),  # four bytes are never cut
    ],
)
def test_the_sign_of_a_dzg_meter_is_what_its_status_says(raw: str, status: int, power_w: float) -> None:
    """libsml#59, libsml#105."""
    assert power_of(one_register(bytes.fromhex(raw), status=status)) == power_w


def test_other_meters_and_other_status_words_are_taken_at_their_word() -> None:
    value = bytes.fromhex("538b28")
    assert power_of(one_register(value, server=b"\x0a\x01EMH\x00\x00\x00\x00\x01")) == -299.12
    assert power_of(one_register(value, status=0x1C)) == -299.12


def test_a_phase_of_a_dzg_meter_whose_sign_nobody_knows_is_left_out() -> None:
    """libsml#125: the status tells about the total only."""
    (telegram,) = believed(said(SmlReader(), one_register(bytes.fromhex("538b28"), obis="0100240700ff")))
    assert "power_l1_w" not in telegram.values


@given(st.floats(-300_000.0, 300_000.0))
def test_the_simulated_dzg_meter_is_never_misread(power_w: float) -> None:
    sent = Sml(dzg=True)(replace(READING, power_w=(power_w, 0.0, 0.0)))
    assert power_of(sent) == pytest.approx(power_w, abs=0.0051)


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("number", [0, 1, -1, 127, -128])
def test_integers_of_any_size(size: int, number: int) -> None:
    assert power_of(one_register(signed(number, size), server=b"\x0a\x01EMH\x00\x00\x00\x00\x01")) == number / 100


def test_an_escape_in_the_data_is_no_end() -> None:
    server = b"\x1b\x1b\x1b\x1b\x1a\x00AB"
    (telegram,) = believed(said(SmlReader(), one_register(b"\x52\x05", server=server)))
    assert telegram.serial == server.hex()


def rebuilt(sent: bytes, old: bytes, new: bytes) -> bytes:
    """A transmission with other content and the check sum that belongs to it."""
    assert old in sent
    changed = sent[:-2].replace(old, new, 1)
    return changed + x25(changed)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (bytes.fromhex("5205"), bytes.fromhex("5206"), "the check sum of a message is wrong"),
        (bytes.fromhex("5205"), bytes.fromhex("5f05"), "a field of type 5 with 14 bytes"),
        (bytes.fromhex("5205"), bytes.fromhex("5105"), "a field of type 5 with 0 bytes"),
        (bytes.fromhex("76"), bytes.fromhex("72"), "something that is no message"),
        (bytes.fromhex("0701"), bytes.fromhex("0702"), "the check sum of a message is wrong"),
    ],
)
def test_what_is_refused_in_spite_of_the_outer_check_sum(old: bytes, new: bytes, says: str) -> None:
    assert said(SmlReader(), rebuilt(one_register(b"\x52\x05"), old, new))[0] == Rejected(says)


def test_lists_in_lists_end_somewhere() -> None:
    assert said(SmlReader(), transmission([b"\x71" * 5000]))[0] == Rejected("lists more than 16 deep")
    assert said(SmlReader(), transmission([b"\xff" * 5000]))[0] == Rejected("a length that does not end")


def test_a_unit_or_a_list_that_is_not_ours_gives_nothing() -> None:
    assert said(SmlReader(), transmission([message(b"1", 0, CLOSE, sequence(ABSENT))]))[0] == Rejected(
        "no list response"
    )
