"""A customer port that pushes DLMS/COSEM: a data notification in HDLC frames, in the clear or ciphered.

Source: DLMS UA Green Book (DLMS/COSEM architecture and protocols): HDLC frame format type 3, data-notification [15],
        general-glo-ciphering [219], security control byte; Blue Book: units, date-time. The books were not at hand: read
        through dlms-cosem 25.1 and the captured push in tests/vectors/dlms_push_tirol.txt, whose list of objects, types
        and scalers this file sends (a Kaifa meter of a Tyrolean operator; there it goes over M-Bus, here over HDLC).
        Check sums: CRC-16/X-25, low byte first.
Sign:   1.7.0 import and 2.7.0 export, neither ever negative.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sim_hardware.devices.push_reading import PushReading, central_europe
from sim_hardware.devices.sml import crc16

PERIOD_S: Final = 5.0
BAUD: Final = 2400
FLAG: Final = b"\x7e"
CLIENT, SERVER = b"\x03", b"\x03"  # client SAP 1, server SAP 1, one byte each: the address, then a set last bit
UNNUMBERED: Final = 0x13  # control field UI with poll/final
LLC: Final = b"\xe6\xe7\x00"  # destination, source of a server, quality
FORMAT_3, SEGMENTED = 0xA000, 0x0800
INFORMATION_MOST: Final = 2030
DATA_NOTIFICATION, GENERAL_GLO_CIPHERING = 0x0F, 0xDB
WH, VARH, W, V, A = 30, 32, 27, 35, 33  # Blue Book, enumerated units
ENCRYPTED, AUTHENTICATED = 0x20, 0x10  # security control byte; low nibble: the suite, 0 = AES-GCM-128
TAG_BYTES: Final = 12


def octets(data: bytes) -> bytes:
    """Data of type octet-string [9], up to 127 bytes."""
    return bytes((9, len(data))) + data


def structure(*items: bytes) -> bytes:
    """Data of type structure [2]."""
    return bytes((2, len(items))) + b"".join(items)


def long_unsigned(number: float) -> bytes:
    """Data of type long-unsigned [18], held inside its range."""
    return b"\x12" + min(0xFFFF, max(0, round(number))).to_bytes(2, "big")


def double_long_unsigned(number: float) -> bytes:
    """Data of type double-long-unsigned [6]; it rolls over as a counter does."""
    return b"\x06" + (max(0, round(number)) & 0xFFFF_FFFF).to_bytes(4, "big")


def register(obis: str, value: bytes, scaler: int, unit: int) -> bytes:
    """A name, a value, and what to multiply it with: 10 to the power of `scaler`, in `unit`."""
    scaling = structure(b"\x0f" + scaler.to_bytes(1, "big", signed=True), bytes((0x16, unit)))
    return structure(octets(bytes.fromhex(obis)), value, scaling)


def date_time(utc: datetime) -> bytes:
    """Twelve bytes: local time in Central Europe, its deviation in minutes, and bit 7 of the status for summer time."""
    local, summer = central_europe(utc)
    deviation_min = -120 if summer else -60
    head = local.year.to_bytes(2, "big") + bytes(
        (local.month, local.day, local.isoweekday(), local.hour, local.minute, local.second, 0)
    )
    return head + deviation_min.to_bytes(2, "big", signed=True) + bytes((0x80 if summer else 0x00,))


def notification(invoke: int, at: bytes, body: bytes) -> bytes:
    """The data-notification APDU: long invoke id and priority, date-time, one Data."""
    return bytes((DATA_NOTIFICATION,)) + invoke.to_bytes(4, "big") + bytes((len(at),)) + at + body


def hdlc(apdu: bytes, most: int = INFORMATION_MOST) -> bytes:
    """The APDU in one frame, or in segments whose information field is at most so long; the first carries the LLC."""
    information = LLC + apdu
    parts = [information[at : at + most] for at in range(0, len(information), most)]
    return b"".join(_frame(part, last=index == len(parts) - 1) for index, part in enumerate(parts))


def _frame(information: bytes, *, last: bool) -> bytes:
    length = 2 + len(CLIENT + SERVER) + 1 + 2 + len(information) + 2  # all between the flags
    shape = FORMAT_3 | (0 if last else SEGMENTED) | length
    header = shape.to_bytes(2, "big") + CLIENT + SERVER + bytes((UNNUMBERED,))
    checked = header + crc16(header) + information
    return FLAG + checked + crc16(checked) + FLAG


def _length(count: int) -> bytes:
    """A length in one byte, or behind 0x81 or 0x82."""
    if count < 0x80:
        return bytes((count,))
    return b"\x81" + bytes((count,)) if count < 0x100 else b"\x82" + count.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Ciphering:
    """Keys of 16 bytes and a system title of 8; with an authentication key each APDU carries a tag of 12 bytes."""

    key: bytes
    system_title: bytes
    authentication_key: bytes | None = None
    suite: int = 0

    def __post_init__(self) -> None:
        """ValueError for a wrong length, without showing the key."""
        for name, value, size in (
            ("key", self.key, 16),
            ("system_title", self.system_title, 8),
            ("authentication_key", self.authentication_key, 16),
        ):
            if value is not None and len(value) != size:
                raise ValueError(f"DLMS {name}: {len(value)} bytes, allowed are {size}")

    def sealed(self, apdu: bytes, counter: int) -> bytes:
        """The APDU inside general-glo-ciphering; a counter must never come twice under one key."""
        control = ENCRYPTED | self.suite | (0 if self.authentication_key is None else AUTHENTICATED)
        head = bytes((control,)) + counter.to_bytes(4, "big")
        nonce = self.system_title + head[1:]
        associated = b"" if self.authentication_key is None else head[:1] + self.authentication_key
        both = AESGCM(self.key).encrypt(nonce, apdu, associated)
        text, tag = both[:-16], both[-16:][:TAG_BYTES]
        content = head + text + (b"" if self.authentication_key is None else tag)
        title = bytes((len(self.system_title),)) + self.system_title
        return bytes((GENERAL_GLO_CIPHERING,)) + title + _length(len(content)) + content


class Dlms:
    """Encodes readings; the frame counter starts at 1 and never repeats. `segment` cuts APDUs into smaller frames."""

    def __init__(
        self,
        *,
        serial: str = "1BSB0000000001",
        name: str = "BSB0000000000001",
        ciphering: Ciphering | None = None,
        segment: int = INFORMATION_MOST,
    ) -> None:
        if not 16 <= segment <= INFORMATION_MOST:
            raise ValueError(f"DLMS segment {segment} bytes: 16 to {INFORMATION_MOST} are allowed")
        self._serial, self._name = serial.encode("ascii"), name.encode("ascii")
        self._ciphering, self._segment = ciphering, segment
        self._counter = 0

    def __call__(self, reading: PushReading) -> bytes:
        """The frames of a reading."""
        self._counter += 1
        apdu = self.apdu(reading, self._counter)
        if self._ciphering is not None:
            apdu = self._ciphering.sealed(apdu, self._counter)
        return hdlc(apdu, self._segment)

    def apdu(self, reading: PushReading, invoke: int) -> bytes:
        """The data notification in the clear."""
        at = date_time(reading.utc)
        return notification(invoke & 0xFF_FFFF, at, structure(*self._objects(reading, at)))

    def _objects(self, reading: PushReading, at: bytes) -> Iterator[bytes]:
        yield octets(bytes.fromhex("00 00 01 00 00 ff"))
        yield octets(at)
        yield structure(octets(bytes.fromhex("00 00 60 01 00 ff")), octets(self._serial))
        yield structure(octets(bytes.fromhex("00 00 2a 00 00 ff")), octets(self._name))
        yield register("01 00 20 07 00 ff", long_unsigned(10.0 * reading.voltage_v[0]), -1, V)
        yield register("01 00 1f 07 00 ff", long_unsigned(100.0 * reading.current_a[0]), -2, A)
        yield register("01 00 01 07 00 ff", double_long_unsigned(reading.total_w), 0, W)
        yield register("01 00 02 07 00 ff", double_long_unsigned(-reading.total_w), 0, W)
        yield register("01 00 01 08 00 ff", double_long_unsigned(reading.import_wh), 0, WH)
        yield register("01 00 02 08 00 ff", double_long_unsigned(reading.export_wh), 0, WH)
        yield register("01 00 03 08 00 ff", double_long_unsigned(reading.import_varh), 0, VARH)
        yield register("01 00 04 08 00 ff", double_long_unsigned(reading.export_varh), 0, VARH)
