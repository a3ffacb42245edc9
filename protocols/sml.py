"""SML as meters push it: transport version 1, messages, the list response (SML_GetList.Res) and its quirks.

Source: BSI TR-03109-1, Anlage IV, Teil b (SML 1.04): type-length fields, messages, transport. Read through pysml 0.1.9
        (MIT) and the capture in tests/vectors/, the paper was not at hand: no clause is cited.
Sign:   16.7.0 and 36/56/76.7.0 are signed, import positive, as inside.
Quirk:  DZG meters cut positive numbers to as few bytes as their magnitude needs, under a signed tag: 356.24 W comes as
        8b28 (libsml#59), while others of the same maker mean -105.50 W by d6ca (libsml#105). Bit 11 of the status word
        says who gives: where it says import, a negative total of up to three bytes is meant unsigned. Which sign such a
        number of one phase has, nobody can tell: it is left out. Status bits as in pysml 0.1.9: unverified.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from protocols.crc_x25 import x25
from protocols.obis import ENUMERATED, Register, measurement
from protocols.telegrams import Event, Malformed, Rejected, Telegram

ESCAPE: Final = b"\x1b\x1b\x1b\x1b"
BEGIN: Final = ESCAPE + b"\x01\x01\x01\x01"
# Households send up to 700 bytes; a list of every register of an industrial meter about 2 kB.
LONGEST: Final = 8192
_END: Final = 0x1A
_GET_LIST: Final = 0x0701
_DEEPEST: Final = 16  # a list response nests 6 deep
_SIGNED, _UNSIGNED = 5, 6
_SERVER: Final = bytes.fromhex("0100600100ff")
_DVS74, _DVS74_BITS, _EXPORTING = 0x104, 0xFFE0_01FF, 0x800
_PHASES: Final = ("36.7.0", "56.7.0", "76.7.0")


@dataclass(frozen=True, slots=True)
class Number:
    """An integer with the bytes it took."""

    value: int
    size: int
    is_signed: bool

    @property
    def unsigned(self) -> int:
        """The same bytes without a sign."""
        return self.value % (1 << 8 * self.size)


Item = bytes | Number | list["Item"]


class SmlReader:
    """Implements `protocols.telegrams.TelegramReader`."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Event]:
        """Take what arrived; what has become whole by it, in order."""
        self._buffer += data
        events: list[Event] = []
        while self._begins():
            end = _end_of(self._buffer)
            if end is None:
                break
            events.extend(_judged(bytes(self._buffer[:end])))
            # Another transmission may have begun inside one that was spoilt.
            del self._buffer[: end if events and isinstance(events[-1], Telegram) else 1]
        return events

    def _begins(self) -> bool:
        """Drop what stands before the begin of a transmission, but for what may become one."""
        start = self._buffer.find(BEGIN)
        if start < 0:
            del self._buffer[: max(0, len(self._buffer) - len(BEGIN) + 1)]
            return False
        del self._buffer[:start]
        return True


def _end_of(buffer: bytearray) -> int | None:
    """Where the transmission ends that the buffer begins with; None while it may still be coming."""
    at = len(BEGIN)
    while (at := buffer.find(ESCAPE, at, LONGEST)) >= 0:
        if len(buffer) < at + 8:
            return None
        if buffer[at + 4 : at + 8] != ESCAPE:
            return at + 8  # its end, or something that can not stand here
        at += 8
    return LONGEST if len(buffer) >= LONGEST else None


def _judged(raw: bytes) -> Iterator[Event]:
    try:
        yield _telegram(unwrapped(raw))
    except Malformed as error:
        yield Rejected(str(error))


def unwrapped(raw: bytes) -> bytes:
    """The messages of a transmission."""
    fill = raw[-3]
    if raw[-8:-4] != ESCAPE or raw[-4] != _END or fill > 3:
        raise Malformed("a transmission without its end")
    if x25(raw[:-2]) != raw[-2:]:
        raise Malformed("the check sum of the transmission is wrong")
    body = raw[len(BEGIN) : -8].replace(2 * ESCAPE, ESCAPE)
    return body[: len(body) - fill]


def _telegram(body: bytes) -> Telegram:
    """What the first list response of a transmission says."""
    at = 0
    while at < len(body):
        item, end = field_at(body, at)
        tag, content = _message(item, body[at:end])
        if tag == _GET_LIST:
            return _listed(content)
        at = end
    raise Malformed("no list response")


def _message(item: Item, raw: bytes) -> tuple[int, Item]:
    """Tag and body of a message: transaction, group, abort, body, check sum, end mark."""
    match item:
        case [_, _, _, [Number(value=tag), content], Number(size=size), b""] if raw[-1:] == b"\x00":
            # The sum is an unsigned integer of one or two bytes, and the end mark a single zero.
            told = raw[-1 - size : -1].rjust(2, b"\x00")
            if x25(raw[: -2 - size]) != told:
                raise Malformed("the check sum of a message is wrong")
            return tag, content
        case _:
            raise Malformed("something that is no message")


def _listed(content: Item) -> Telegram:
    match content:
        case [_, bytes() as server, _, _, [*entries], _, _]:
            pass
        case _:
            raise Malformed("a list response of another form")
    rows = [_Row.of(entry) for entry in entries]
    server = next((row.value for row in rows if row.name == _SERVER and isinstance(row.value, bytes)), server)
    maker, serial = _identity(server)
    values = measurement(_registers(rows, dzg=b"DZG" in server))
    if not values:
        raise Malformed("no value that we know")
    return Telegram(maker, "SML", serial, values)


@dataclass(frozen=True, slots=True)
class _Row:
    """An entry of a list."""

    name: bytes
    status: int | None
    unit: int | None
    scaler: int
    value: Item

    @classmethod
    def of(cls, item: Item) -> "_Row":
        match item:
            case [bytes() as name, status, _, unit, scaler, value, _]:
                return cls(name, _whole(status), _whole(unit), _whole(scaler) or 0, value)
            case _:
                raise Malformed("a list entry of another form")

    @property
    def code(self) -> str:
        """C.D.E of an electricity register; empty for anything else."""
        return ".".join(map(str, self.name[2:5])) if len(self.name) == 6 and self.name[0] == 1 else ""


def _whole(item: Item) -> int | None:
    return item.value if isinstance(item, Number) else None


def _registers(rows: list[_Row], *, dzg: bool) -> Iterator[Register]:
    status = next((row.status for row in rows if row.code == "1.8.0" and row.status is not None), 0)
    imports = dzg and status & _DVS74_BITS & ~_EXPORTING == _DVS74 and not status & _EXPORTING
    for row in rows:
        unit = ENUMERATED.get(row.unit or 0)
        if unit is None or not isinstance(row.value, Number):
            continue
        value = _meant(row.value, row.code, dzg=dzg, imports=imports)
        if value is not None and -128 <= row.scaler <= 127:
            yield Register(row.code, Decimal(value).scaleb(row.scaler), unit)


def _meant(number: Number, code: str, *, dzg: bool, imports: bool) -> int | None:
    """The value, with the quirk of DZG meters taken back; None where it can not be known."""
    if dzg and number.is_signed and number.size <= 3 and number.value < 0:
        if code in _PHASES:
            return None
        if code == "16.7.0" and imports:
            return number.unsigned
    return number.value


def _identity(server: bytes) -> tuple[str, str]:
    """Maker and number of a server id: `0a 01 'EMH' 00 12345678` is 1EMH0012345678 (DIN 43863-5); others as they are."""
    if len(server) == 10 and server[:1] in (b"\x09", b"\x0a") and server[2:5].isalnum():
        maker = server[2:5].decode("ascii")
        return maker, f"{server[1]:X}{maker}{server[5]:02X}{int.from_bytes(server[6:], 'big'):08d}"
    text = server.decode("latin-1")
    if server.isascii() and text.isprintable():
        return text.strip()[1:5].strip(), text.strip()
    return "", server.hex()


def field_at(data: bytes, at: int, depth: int = 0) -> tuple[Item, int]:
    """The type-length-value field at a place, and where it ends."""
    kind, count, start = _type_length(data, at)
    if kind == 7:
        return _sequence(data, start, count, depth)
    end = at + max(count, 1)  # the length counts the type-length field; a bare zero is the end mark
    if end < start or end > len(data):
        raise Malformed("a field longer than its message")
    value = data[start:end]
    match kind:
        case 0:
            return value, end
        case 4 if len(value) == 1:
            return Number(int(value != b"\x00"), 1, False), end
        case 5 | 6 if 1 <= len(value) <= 8:
            return Number(int.from_bytes(value, "big", signed=kind == _SIGNED), len(value), kind == _SIGNED), end
        case _:
            raise Malformed(f"a field of type {kind} with {len(value)} bytes")


def _sequence(data: bytes, at: int, count: int, depth: int) -> tuple[Item, int]:
    if depth >= _DEEPEST:
        raise Malformed(f"lists more than {_DEEPEST} deep")
    items: list[Item] = []
    for _ in range(count):
        item, at = field_at(data, at, depth + 1)
        items.append(item)
    return items, at


def _type_length(data: bytes, at: int) -> tuple[int, int, int]:
    """Type, length and where the value starts; a length takes four bits of each byte while the highest bit is set."""
    if at >= len(data):
        raise Malformed("a message that ends too early")
    kind, count = data[at] >> 4 & 7, data[at] & 0xF
    while data[at] & 0x80:
        at += 1
        if at >= len(data) or count > LONGEST:
            raise Malformed("a length that does not end")
        count = count << 4 | data[at] & 0xF
    return kind, count, at + 1
