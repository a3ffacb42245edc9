"""DLMS data notifications: the APDU, its data, and the registers in it.

Source: DLMS UA Green Book: data-notification [15], A-XDR of Data; Blue Book: scaler and unit. Read through dlms-cosem 25.1
        (MIT) and the captures in tests/vectors/, the books were not at hand: no clause is cited.
Choice: a value is taken only where its structure tells code, scaler and unit, as Aidon and Tyrolean Kaifa meters do. Lists
        that leave scaler or unit to a manual (Kamstrup, Norwegian Kaifa) give no value here.
Sign:   1.7.0 import and 2.7.0 export, neither ever negative.
"""

import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from protocols.obis import ENUMERATED, Register, measurement
from protocols.telegrams import Malformed, Telegram

DATA_NOTIFICATION: Final = 0x0F
_DEEPEST: Final = 8
_INTEGERS: Final = {
    5: ">i",
    6: ">I",
    15: ">b",
    16: ">h",
    17: ">B",
    18: ">H",
    20: ">q",
    21: ">Q",
    22: ">B",
    3: ">B",
    13: ">b",
}
_FIXED: Final = {0: 0, 23: 4, 24: 8, 25: 12, 26: 5, 27: 4}  # null, floats, date-time, date, time
_ARRAY, _STRUCTURE, _BITS = 1, 2, 4
_STRINGS: Final = (9, 10, 12)
_SERIALS: Final = tuple(
    bytes.fromhex(code) for code in ("0000600100ff", "0000600101ff", "0100000000ff", "00002a0000ff")
)

Data = int | bytes | list["Data"]


def notification(apdu: bytes) -> Telegram:
    """What a data notification says; Malformed where it is none, or has no register that tells its unit."""
    if apdu[:1] != bytes((DATA_NOTIFICATION,)):
        raise Malformed(f"an APDU of type {apdu[:1].hex() or 'none'}, not a data notification")
    data, end = _data(apdu, _body(apdu))
    if end != len(apdu):
        raise Malformed(f"{len(apdu) - end} bytes behind the data")
    structures = list(_structures(data))
    values = measurement(_registers(structures))
    if not values:
        raise Malformed("no value that tells its code, scaler and unit")
    names = dict(_names(structures))
    serial = next((names[code] for code in _SERIALS if code in names), "")
    logical = names.get(_SERIALS[-1], "")
    return Telegram(logical[:3], "DLMS", serial, values)


def _body(apdu: bytes) -> int:
    """Where the data begins: behind type, invoke id and date-time, which some meters tag as an octet string."""
    at = 5
    if apdu[at : at + 2] == b"\x09\x0c":
        at += 1
    if len(apdu) <= at or apdu[at] not in (0, 12):
        raise Malformed("a date-time of another length than 0 or 12")
    return at + 1 + apdu[at]


def _data(apdu: bytes, at: int, depth: int = 0) -> tuple[Data, int]:
    """The Data at a place, and where it ends."""
    if at >= len(apdu):
        raise Malformed("data that end too early")
    kind = apdu[at]
    at += 1
    if kind in (_ARRAY, _STRUCTURE):
        return _items(apdu, at, depth)
    if kind in _INTEGERS:
        form = _INTEGERS[kind]
        raw, end = _taken(apdu, at, struct.calcsize(form))
        (number,) = struct.unpack(form, raw)
        return int(number), end
    if kind in _FIXED:
        return _taken(apdu, at, _FIXED[kind])
    if kind not in (_BITS, *_STRINGS):
        raise Malformed(f"data of type {kind}")
    size, at = length(apdu, at)
    return _taken(apdu, at, (size + 7) // 8 if kind == _BITS else size)


def _items(apdu: bytes, at: int, depth: int) -> tuple[Data, int]:
    count, at = length(apdu, at)
    if depth >= _DEEPEST or count > len(apdu) - at:
        raise Malformed(f"{count} items at depth {depth}")
    items: list[Data] = []
    for _ in range(count):
        item, at = _data(apdu, at, depth + 1)
        items.append(item)
    return items, at


def length(apdu: bytes, at: int) -> tuple[int, int]:
    """A length in one byte, or in as many as 0x81 to 0x84 tell; and where it ends."""
    (first,), at = _taken(apdu, at, 1)
    if first < 0x80:
        return first, at
    if not 0x81 <= first <= 0x84:
        raise Malformed(f"a length that begins with {first:02x}")
    raw, at = _taken(apdu, at, first & 0x7F)
    return int.from_bytes(raw, "big"), at


def _taken(apdu: bytes, at: int, size: int) -> tuple[bytes, int]:
    if size > len(apdu) - at:
        raise Malformed("data that end too early")
    return apdu[at : at + size], at + size


def _structures(data: Data) -> Iterator[list[Data]]:
    if isinstance(data, list):
        yield data
        for item in data:
            yield from _structures(item)


def _registers(structures: list[list[Data]]) -> Iterator[Register]:
    seen = set()
    for structure in structures:
        match structure:
            case [bytes() as name, int() as value, [int() as scaler, int() as unit]] if len(name) == 6 and name[0] == 1:
                if name in seen:
                    raise Malformed(f"{name.hex()} comes twice")
                seen.add(name)
                if unit in ENUMERATED and -128 <= scaler <= 127:
                    code = ".".join(map(str, name[2:5]))
                    yield Register(code, Decimal(value).scaleb(scaler), ENUMERATED[unit])


def _names(structures: list[list[Data]]) -> Iterator[tuple[bytes, str]]:
    for structure in structures:
        match structure:
            case [bytes() as name, bytes() as text] if (
                name in _SERIALS and text.isascii() and text.decode().isprintable()
            ):
                yield name, text.decode("ascii")
