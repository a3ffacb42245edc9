"""DLMS pushes: the captures, keys and counters, segments, and data that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.cosem import notification
from protocols.crc_x25 import x25
from protocols.dlms import DlmsReader, Keys
from protocols.hdlc import HdlcReader
from protocols.telegrams import Malformed, Rejected
from sim_hardware.devices.dlms import Ciphering, Dlms, hdlc, octets, register, structure
from sim_hardware.devices.dlms import notification as apdu_of
from tests.protocols.telegram_cases import AUTHENTICATION, KEY, TIROL_KEY, TITLE, aidon, believed, said
from tests.sim_hardware.push_vectors import READING, dlms_apdus

IMPORT = register("01 00 01 08 00 ff", b"\x06\x00\x00\x00\x07", 1, 30)
KEYS = Keys(KEY, AUTHENTICATION)


def push(
    counter: int, *, title: bytes = TITLE, authentication: bytes | None = AUTHENTICATION, key: bytes = KEY
) -> bytes:
    return hdlc(Ciphering(key, title, authentication).sealed(apdu_of(1, b"", structure(IMPORT)), counter))


def test_what_the_captured_frame_of_a_norwegian_port_says() -> None:
    (telegram,) = believed(said(DlmsReader(), aidon()))
    assert telegram.values == {
        "power_w": 1122.0,
        "power_l1_w": 0.0,
        "power_l2_w": 1122.0,
        "power_l3_w": 0.0,
        "reactive_power_var": 1507.0,
        "reactive_power_l1_var": 0.0,
        "reactive_power_l2_var": 1506.0,
        "reactive_power_l3_var": 0.0,
        "current_l1_a": 0.0,
        "current_l2_a": 7.5,
        "current_l3_a": 0.0,
        "voltage_l1_v": 230.7,
        "voltage_l2_v": 249.9,
        "voltage_l3_v": 230.8,
        "energy_import_wh": 10_049_926.0,
        "energy_export_wh": 8.0,
    }


def test_what_the_captured_push_of_tyrol_says() -> None:
    (telegram,) = believed(said(DlmsReader(Keys(TIROL_KEY)), hdlc(dlms_apdus()[0])))
    assert (telegram.maker, telegram.serial) == ("KFM", "1KFM0100000035")
    assert telegram.values["energy_import_wh"] == 9108.0


def why(reader: DlmsReader, sent: bytes) -> str:
    (event,) = said(reader, sent)
    assert isinstance(event, Rejected)
    return event.why


@pytest.mark.parametrize(
    ("keys", "sent", "says"),
    [
        (None, push(1), "ciphered, and there is no key"),
        (KEYS, Dlms()(READING), "not ciphered, though there is a key"),
        (KEYS, push(1, authentication=None), "no authentication tag, though there is a key for it"),
        (KEYS, push(1, authentication=bytes(16)), "the authentication tag is wrong"),
        (KEYS, push(1, key=bytes(16)), "the authentication tag is wrong"),
        (Keys(bytes(16)), push(1), "not a data notification"),
        (Keys(KEY, AUTHENTICATION, b"other678"), push(1), "system title 4253423132333435, the key file is for another"),
        (KEYS, hdlc(b"\xdb\x00\x06\x30\x00\x00\x00\x01\xff"), "a system title of 0 bytes: name it in the key file"),
        (KEYS, hdlc(b"\xdb\x08" + TITLE + b"\x07\x30\x00\x00\x00\x01\xff"), "content of 6 bytes where 7 are told"),
        (KEYS, hdlc(b"\xdb\x08" + TITLE + b"\x06\xb0\x00\x00\x00\x01\xff"), "security control b0 is not supported"),
        (KEYS, hdlc(b"\xdb\x08" + TITLE + b"\x06\x30\x00\x00\x00\x01\xff"), "ciphered content without a tag"),
        (KEYS, hdlc(b"\xdb"), "data that end too early"),
        (None, hdlc(b""), "an APDU of type none"),
    ],
)
def test_what_is_not_opened(keys: Keys | None, sent: bytes, says: str) -> None:
    assert says in why(DlmsReader(keys), sent)


def test_a_title_in_the_key_file_stands_in_for_an_empty_one() -> None:
    """Tasmota#8790."""
    sealed = Ciphering(KEY, TITLE, AUTHENTICATION).sealed(apdu_of(1, b"", structure(IMPORT)), 5)
    bare = b"\xdb\x00" + sealed[2 + len(TITLE) :]
    (telegram,) = believed(said(DlmsReader(Keys(KEY, AUTHENTICATION, TITLE)), hdlc(bare)))
    assert telegram.values == {"energy_import_wh": 70.0}


def test_a_frame_counter_must_rise() -> None:
    reader = DlmsReader(KEYS)
    assert len(believed(said(reader, push(7)))) == 1
    assert why(reader, push(7)) == "frame counter 7 after 7: a replay"
    assert why(reader, push(6)) == "frame counter 6 after 7: a replay"
    assert "another meter's" in why(reader, push(8, title=b"other678"))
    assert len(believed(said(reader, push(8)))) == 1


def test_a_forged_counter_does_not_lock_the_meter_out() -> None:
    reader = DlmsReader(KEYS)
    assert "tag is wrong" in why(reader, push(0xFFFFFFFF, authentication=bytes(16)))
    assert len(believed(said(reader, push(1)))) == 1


def test_a_tag_is_left_alone_where_there_is_no_key_for_it() -> None:
    assert len(believed(said(DlmsReader(Keys(KEY)), push(1)))) == 1


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ((bytes(15),), "encryption_key: 15 bytes"),
        ((KEY, b""), "authentication_key: 0"),
        ((KEY, None, KEY), "system_title: 16"),
    ],
)
def test_keys_of_a_wrong_length_are_refused_and_never_shown(keys: tuple[bytes, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Keys(*keys)
    assert "00" not in repr(KEYS)
    assert str(list(KEY)) not in repr(KEYS)


def test_a_frame_with_a_wrong_header_check_is_none_though_its_frame_check_is_right() -> None:
    sent = bytearray(Dlms()(READING))
    sent[6] ^= 1
    sent[-3:-1] = x25(bytes(sent[1:-3]))
    assert said(DlmsReader(), bytes(sent)) == []


# Segments


@pytest.mark.parametrize("segment", [16, 40, 128, 2030])
def test_segments_are_put_together(segment: int) -> None:
    assert len(believed(said(DlmsReader(), Dlms(segment=segment)(READING)))) == 1


def frames(sent: bytes) -> list[bytes]:
    found = []
    while sent:
        size = int.from_bytes(sent[1:3], "big") % 0x800 + 2
        found.append(sent[:size])
        sent = sent[size:]
    return found


def test_a_lost_segment_gives_nothing() -> None:
    parts = frames(Dlms(segment=32)(READING))
    assert len(parts) > 5
    following = Dlms()(READING)
    (truth,) = believed(said(DlmsReader(), following))
    for lost in range(len(parts)):
        events = said(DlmsReader(), *parts[:lost], *parts[lost + 1 :], following)
        assert believed(events) == [truth]


def test_segments_without_end_are_given_up() -> None:
    endless = frames(hdlc(bytes(4000), 1000))
    reader = HdlcReader()
    found = [each for _ in range(30) for each in reader.feed(endless[1])]
    assert all(isinstance(each, Malformed) for each in found)
    found = reader.feed(endless[0] + 20 * endless[1])
    assert "more than 16384 bytes of segments" in str(found[0])


# Data


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (structure(IMPORT) + b"\x00", "1 bytes behind the data"),
        (structure(IMPORT)[:-1], "data that end too early"),
        (structure(IMPORT, IMPORT), "0100010800ff comes twice"),
        (structure(octets(b"only text")), "no value that tells"),
        (structure(IMPORT[:-6] + b"\x02\x02\x06\xff\xff\xff\xff\x16\x1e"), "no value that tells"),
        (b"\x13\x00", "data of type 19"),
        (b"\x01\x84\xff\xff\xff\xff", "items at depth 0"),
        (b"\x09\x80", "a length that begins with 80"),
        (10 * b"\x02\x01" + b"\x00", "items at depth 8"),
        (b"", "data that end too early"),
    ],
)
def test_data_that_are_refused(body: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        notification(apdu_of(1, b"", body))


def test_a_list_that_leaves_units_to_a_manual_gives_nothing() -> None:
    """As Kamstrup sends it: code and number, and nothing about scaler or unit."""
    flat = structure(octets(bytes.fromhex("0101010700ff")), b"\x06\x00\x00\x03\x3a")
    with pytest.raises(Malformed, match="no value that tells"):
        notification(apdu_of(1, b"", flat))


def test_a_date_time_may_be_tagged() -> None:
    tagged = b"\x0f\x40\x00\x00\x00\x09\x0c" + bytes(12) + structure(IMPORT)
    assert notification(tagged).values == {"energy_import_wh": 70.0}
    with pytest.raises(Malformed, match="another length"):
        notification(b"\x0f\x40\x00\x00\x00\x05" + bytes(5) + structure(IMPORT))


@given(st.binary(max_size=120))
def test_no_apdu_raises_anything_else(body: bytes) -> None:
    for reader in (DlmsReader(), DlmsReader(KEYS)):
        for kind in (b"\x0f", b"\xdb", b"\x0f\x00\x00\x00\x00\x00"):
            said(reader, hdlc(kind + body))
