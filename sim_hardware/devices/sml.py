"""An optical port that pushes SML: an open response, a list response and a close response in one transmission.

Source: BSI TR-03109-1, Anlage IV "Feinspezifikation Drahtgebundene LMN-Schnittstelle, Teil b: SML" (SML 1.04): type-length
        fields, messages, transport version 1. Read through the parsers pysml 0.1.9 and libsml, the paper was not at
        hand: its section numbers are left out. Check sum: CRC-16/X-25 (RFC 1662, C.2), low byte first.
        OBIS and status of household meters: FNN-Lastenheft EDL.
Sign:   16.7.0 is signed, import positive, as ours; 1.8.0 import, 2.8.0 export.
Quirk:  `dzg`: as the meter DZG DVS74, numbers are cut to as few bytes as they need, without room for the sign: 200 in one
        byte under a signed tag reads as -56 (libsml#59); negative ones may take three bytes (esphome#4494).
"""

from collections.abc import Sequence
from typing import Final

from sim_hardware.devices.push_reading import PushReading

PERIOD_S: Final = 1.0
BAUD: Final = 9600
ESCAPE: Final = b"\x1b\x1b\x1b\x1b"
BEGIN, END = ESCAPE + b"\x01\x01\x01\x01", ESCAPE + b"\x1a"
OPEN, CLOSE, GET_LIST = 0x0101, 0x0201, 0x0701  # tags of the response messages
WATT_HOUR, WATT, VOLT, AMPERE = 30, 27, 35, 33  # units: DLMS, Blue Book, table of enumerated units
ABSENT: Final = b"\x01"
LIST_NAME: Final = bytes.fromhex("01 00 62 0a ff ff")
# DVS74: fixed bits 4, bit 8 load on; bit 11 says that energy is being exported (from pysml 0.1.9, its DZG workaround).
STATUS, STATUS_EXPORTING = 0x104, 0x800


def crc16(data: bytes) -> bytes:
    """CRC-16/X-25 as SML and HDLC put it on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return (crc ^ 0xFFFF).to_bytes(2, "little")


def _tagged(kind: int, count: int) -> bytes:
    """A type-length field: the type, and a length in as many groups of four bits as it takes, highest first."""
    groups = [count & 0xF]
    while count := count >> 4:
        groups.insert(0, count & 0xF)
    return bytes(
        (kind << 4 if at == 0 else 0) | group | (0x80 if at + 1 < len(groups) else 0) for at, group in enumerate(groups)
    )


def octets(data: bytes) -> bytes:
    """An octet string; its length counts the type-length field as well."""
    head = 1
    while len(_tagged(0, len(data) + head)) > head:
        head += 1
    return _tagged(0, len(data) + head) + data


def unsigned(number: int, size: int) -> bytes:
    """An unsigned integer of 1, 2, 4 or 8 bytes."""
    return _tagged(6, size + 1) + number.to_bytes(size, "big")


def signed(number: int, size: int) -> bytes:
    """A signed integer of so many bytes."""
    return _tagged(5, size + 1) + number.to_bytes(size, "big", signed=True)


def sequence(*items: bytes) -> bytes:
    """A list; its length counts the items."""
    return _tagged(7, len(items)) + b"".join(items)


def cut(number: int) -> bytes:
    """A signed integer as the DZG quirk writes it: as few bytes as its magnitude needs."""
    if number >= 0:
        size = max(1, (number.bit_length() + 7) // 8)
        return _tagged(5, size + 1) + number.to_bytes(size, "big")
    return signed(number, (number + 1).bit_length() // 8 + 1)


def message(transaction: bytes, group: int, tag: int, body: bytes) -> bytes:
    """One message with its check sum and end mark."""
    head = b"".join(
        (octets(transaction), unsigned(group, 1), unsigned(0, 1), sequence(unsigned(tag, 2), body)),
    )
    head = _tagged(7, 6) + head
    return head + b"\x63" + crc16(head) + b"\x00"


def transmission(messages: Sequence[bytes]) -> bytes:
    """Messages between escapes: four escape characters inside are doubled, the length is filled up to a multiple of 4."""
    body = b"".join(messages)
    fill = -len(body) % 4
    framed = BEGIN + (body + bytes(fill)).replace(ESCAPE, ESCAPE + ESCAPE) + END + bytes((fill,))
    return framed + crc16(framed)


class Sml:
    """Encodes readings; `number` is the meter's, up to eight digits; `phases` adds voltage, current and power of each."""

    def __init__(self, *, maker: str = "BSB", number: int = 1, dzg: bool = False, phases: bool = True) -> None:
        if len(maker) != 3 or not (maker.isascii() and maker.isupper()):
            raise ValueError(f"SML maker {maker!r}: three capital letters")
        if not 0 <= number <= 99_999_999:
            raise ValueError(f"SML meter number {number}: 0 to 99999999")
        self._maker, self._number, self._dzg, self._phases = "DZG" if dzg else maker, number, dzg, phases
        self._server = b"\x0a\x01" + self._maker.encode("ascii") + b"\x00" + number.to_bytes(4, "big")
        self._count = 0

    def __call__(self, reading: PushReading) -> bytes:
        """The transmission of a reading."""
        self._count += 1
        file = self._count.to_bytes(4, "big")
        opened = sequence(ABSENT, ABSENT, octets(file), octets(self._server), ABSENT, ABSENT)
        # Choice 1, a second index: such meters do not know the time of day.
        time = sequence(unsigned(1, 1), unsigned(self._count & 0xFFFF_FFFF, 4))
        entries = sequence(*self._entries(reading))
        listed = sequence(ABSENT, octets(self._server), octets(LIST_NAME), time, entries, ABSENT, ABSENT)
        bodies = ((OPEN, opened), (GET_LIST, listed), (CLOSE, sequence(ABSENT)))
        return transmission(
            [message(file + bytes((index,)), 0, tag, body) for index, (tag, body) in enumerate(bodies)],
        )

    def _entries(self, reading: PushReading) -> list[bytes]:
        status = unsigned(STATUS | (STATUS_EXPORTING if reading.total_w < 0.0 else 0), 4)
        entries = [
            _entry("01 00 60 32 01 01", value=octets(self._maker.encode("ascii"))),
            _entry("01 00 60 01 00 ff", value=octets(self._identity())),
            _entry("01 00 01 08 00 ff", status, WATT_HOUR, -1, unsigned(round(10.0 * reading.import_wh), 8)),
            _entry("01 00 02 08 00 ff", ABSENT, WATT_HOUR, -1, unsigned(round(10.0 * reading.export_wh), 8)),
            _entry("01 00 10 07 00 ff", ABSENT, WATT, -2, self._int(100.0 * reading.total_w)),
        ]
        return entries + (self._phase_entries(reading) if self._phases else [])

    def _identity(self) -> bytes:
        return f"1 {self._maker}00 {self._number:08d}".encode("ascii") if self._dzg else self._server

    def _phase_entries(self, reading: PushReading) -> list[bytes]:
        found = []
        for phase, first in enumerate((0x20, 0x34, 0x48)):  # 32, 52, 72: voltage; current one below, power four above
            volts, amps = round(10.0 * reading.voltage_v[phase]), round(100.0 * reading.current_a[phase])
            found += [
                _entry(f"01 00 {first:02x} 07 00 ff", ABSENT, VOLT, -1, unsigned(volts, 2)),
                _entry(f"01 00 {first - 1:02x} 07 00 ff", ABSENT, AMPERE, -2, unsigned(amps, 2)),
                _entry(f"01 00 {first + 4:02x} 07 00 ff", ABSENT, WATT, -2, self._int(100.0 * reading.power_w[phase])),
            ]
        return found

    def _int(self, number: float) -> bytes:
        return cut(round(number)) if self._dzg else signed(round(number), 4)


def _entry(
    obis: str, status: bytes = ABSENT, unit: int | None = None, scaler: int | None = None, value: bytes = ABSENT
) -> bytes:
    """One line of the list: name, status, time, unit, scaler, value, signature."""
    unit_field = ABSENT if unit is None else unsigned(unit, 1)
    scaler_field = ABSENT if scaler is None else signed(scaler, 1)
    return sequence(octets(bytes.fromhex(obis)), status, ABSENT, unit_field, scaler_field, value, ABSENT)
