"""DLMS pushes, against a public one (ciphered and in the clear) and the frame check of HDLC."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sim_hardware.devices.dlms import Ciphering, Dlms, date_time, hdlc, notification
from sim_hardware.devices.sml import crc16
from tests.sim_hardware.push_vectors import READING, dlms_apdus

KEY = bytes.fromhex("101112131415161718191a1b1c1d1e1f")  # published with the capture
TITLE = bytes.fromhex("4b464d1010000023")
AUTHENTICATION = bytes(range(0xD0, 0xE0))


def test_the_public_push_in_the_clear_is_rebuilt_byte_for_byte() -> None:
    reading = replace(
        READING,
        utc=datetime(2021, 7, 19, 13, 46, 35, tzinfo=UTC),
        power_w=(0.0, 0.0, 0.0),
        voltage_v=(230.8, 0.0, 0.0),
        current_a=(0.0, 0.0, 0.0),
        import_wh=9108.0,
        export_wh=0.0,
        import_varh=96.0,
        export_varh=9.0,
    )
    meter = Dlms(serial="1KFM0100000035", name="KFM1100100000035")
    assert meter.apdu(reading, 0x29B2DC).hex() == dlms_apdus()[1].hex()


def test_the_public_ciphered_push_is_rebuilt_byte_for_byte() -> None:
    ciphered, clear = dlms_apdus()
    assert Ciphering(KEY, TITLE, suite=1).sealed(clear, 0x295B9A).hex() == ciphered.hex()


def opened(sealed: bytes, key: bytes) -> bytes:
    """What a receiver makes of an authenticated APDU."""
    assert sealed[:10] == b"\xdb\x08" + TITLE
    at = 12 if sealed[10] == 0x81 else 13
    control, counter, text, tag = sealed[at], sealed[at + 1 : at + 5], sealed[at + 5 : -12], sealed[-12:]
    assert control == 0x30
    cipher = Cipher(algorithms.AES(key), modes.GCM(TITLE + counter, tag, min_tag_length=12)).decryptor()
    cipher.authenticate_additional_data(bytes((control,)) + AUTHENTICATION)
    return cipher.update(text) + cipher.finalize()


def test_an_authenticated_push_opens_with_the_keys_and_not_when_touched() -> None:
    sealed = Ciphering(KEY, TITLE, AUTHENTICATION).sealed(300 * b"x", 7)
    assert opened(sealed, KEY) == 300 * b"x"
    with pytest.raises(InvalidTag):
        opened(sealed[:20] + bytes((sealed[20] ^ 1,)) + sealed[21:], KEY)
    with pytest.raises(InvalidTag):
        opened(sealed, bytes(16))


def test_a_frame_counter_never_comes_twice() -> None:
    meter = Dlms(ciphering=Ciphering(KEY, TITLE))
    sent = [meter(READING) for _ in range(3)]
    found = [frame[frame.index(b"\xdb\x08") + 14 :][:4].hex() for frame in sent]
    assert found == ["00000001", "00000002", "00000003"]


def frames(data: bytes) -> list[bytes]:
    """What stands between flags, by the lengths in the frames."""
    found = []
    while data:
        length = int.from_bytes(data[1:3], "big") & 0x7FF
        assert data[0] == data[length + 1] == 0x7E
        found.append(data[1 : length + 1])
        data = data[length + 2 :]
    return found


def test_one_frame() -> None:
    (frame,) = frames(hdlc(b"abc"))
    assert frame[:5].hex(" ") == "a0 0f 03 03 13"
    assert frame[5:7] == crc16(frame[:5])
    assert frame[7:-2] == b"\xe6\xe7\x00abc"
    assert frame[-2:] == crc16(frame[:-2])


def test_a_long_apdu_takes_segments_and_the_first_alone_has_the_llc() -> None:
    apdu = bytes(range(100))
    found = frames(hdlc(apdu, most=40))
    assert [frame[0] & 0xF8 for frame in found] == [0xA8, 0xA8, 0xA0]
    assert b"".join(frame[7:-2] for frame in found) == b"\xe6\xe7\x00" + apdu
    assert all(len(frame[7:-2]) <= 40 and frame[-2:] == crc16(frame[:-2]) for frame in found)
    meter = Dlms(segment=128)
    assert len(frames(meter(READING))) > 1


def test_a_notification_and_its_time() -> None:
    assert notification(1, b"", b"\x00").hex(" ") == "0f 00 00 00 01 00 00"
    winter = date_time(datetime(2026, 1, 4, 23, 30, tzinfo=UTC))
    assert winter.hex(" ") == "07 ea 01 05 01 00 1e 00 00 ff c4 00", (
        "Monday half past midnight, -60 min, no summer time"
    )
    assert date_time(datetime(2026, 6, 21, 1, tzinfo=UTC))[4] == 7, "Sunday"


def test_power_that_is_exported_stands_in_its_own_column() -> None:
    sent = Dlms()(READING)
    assert bytes.fromhex("0100010700ff 06 00000000") in sent
    assert bytes.fromhex("0100020700ff 06 00000190") in sent


@pytest.mark.parametrize(
    ("key", "title", "authentication", "says"),
    [
        (bytes(15), TITLE, None, "key: 15 bytes, allowed are 16"),
        (KEY, b"", None, "system_title: 0 bytes"),
        (KEY, TITLE, bytes(12), "authentication_key: 12 bytes"),
    ],
)
def test_wrong_keys_are_refused(key: bytes, title: bytes, authentication: bytes | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Ciphering(key, title, authentication)


def test_a_wrong_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="16 to 2030"):
        Dlms(segment=3)


@pytest.mark.parametrize(("size", "length"), [(122, "7f"), (123, "8180"), (250, "81ff"), (251, "820100")])
def test_a_length_takes_as_many_bytes_as_it_must(size: int, length: str) -> None:
    sealed = Ciphering(KEY, TITLE).sealed(bytes(size), 1)
    assert sealed[10:].hex().startswith(length + "2000000001")
