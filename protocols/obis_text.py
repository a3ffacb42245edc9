"""The data lines of IEC 62056-21, which P1 telegrams are made of too: `1-0:1.8.0*255(00123.456*kWh)`.

Source: IEC 62056-21 (2002), data sets: identification, then value and unit in brackets; 7 data bits with even parity.
        Read through the telegrams in tests/vectors/ and pwitab/iec62056-21 (BSD-3), the paper was not at hand: no
        clause is cited.
Choice: a value group F other than 255 is history (the end of a billing period) and no present value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from protocols.obis import KNOWN, Register, measurement
from protocols.telegrams import Malformed, Telegram

# An opened P1 port or optical head at 8N1 hears 7E1 with the parity in the highest bit.
SEVEN_BITS: Final = bytes(byte & 0x7F for byte in range(256))
_ODD: Final = frozenset(byte for byte in range(256) if byte.bit_count() % 2)

_LINE: Final = re.compile(r"([^()/!]*(\([^()/!]*\))+)+")
_DATUM: Final = re.compile(
    r"(?:^|(?<=\)))(?:(\d{1,3})-(\d{1,3}):)?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?(?:\*255)?\(([^()]*)\)", re.ASCII
)
_DIGIT: Final = re.compile(r"\d")
_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-F]{2})+")
_NUMBER: Final = re.compile(r"([+-]?\d{1,12}(?:\.\d{1,9})?)\*([A-Za-z]{1,6})", re.ASCII)
# Where meters keep the number that stands on them, likeliest first.
_SERIALS: Final = ("96.1.1", "96.1.0", "0.0.0", "96.1.255", "42.0.0")
# Maker, the figure of the baud rate, marks of enhanced modes, and the type.
_IDENTIFICATION: Final = re.compile(r"/([A-Za-z0-9]{3})([!-~])((?:\\.)*)([ -~]{0,40})")


@dataclass(frozen=True, slots=True)
class Lines:
    """A telegram taken apart: its identification, and what was read of each line."""

    maker: str
    model: str
    serial: str
    version: int
    registers: tuple[Register, ...]
    shape: tuple[str, ...]

    def telegram(self) -> Telegram:
        """With our quantities; Malformed where there is none."""
        values = measurement(self.registers)
        if not values:
            raise Malformed("no value that we know")
        return Telegram(self.maker, self.model, self.serial, values)


def seven_bits(raw: bytes) -> bytes:
    """Text without its parity bits; Malformed where they are there and any is wrong."""
    if not raw.isascii() and not _ODD.isdisjoint(raw):
        raise Malformed("a parity bit is wrong")
    return raw.translate(SEVEN_BITS)


def identification(line: str) -> tuple[str, str, str]:
    """Maker, figure of the baud rate and type of `/ABC5type`; Malformed where it is none."""
    found = _IDENTIFICATION.fullmatch(line)
    if found is None:
        raise Malformed(f"identification {line[:30]!r}")
    return found[1], found[2], found[4]


def parse_lines(head: str, body: str) -> Lines:
    """Every line between identification and "!"; Malformed where one is no data line, or a known code comes twice."""
    maker, _, model = identification(head)
    told: dict[str, str] = {}
    for line in body.replace("\r\n", "\n").split("\n"):
        for code, value in _data(line):
            if code in KNOWN and code in told:
                raise Malformed(f"{code} comes twice")
            told.setdefault(code, value)
    shape = (head, _serial(told), *(f"{code} {_DIGIT.sub('0', told[code])}" for code in told if code in KNOWN))
    return Lines(maker, model, _serial(told), _version(told), tuple(_registers(told)), shape)


def _data(line: str) -> Iterator[tuple[str, str]]:
    """Code and value of each data set of the electricity meter itself (A=0 with a B above 0 are gas meters and such)."""
    if line and not _LINE.fullmatch(line):
        raise Malformed(f"line {line[:40]!r}")
    for found in _DATUM.finditer(line):
        medium, channel, c, d, e, value = found.groups()
        if medium in (None, "1") or (medium, channel) == ("0", "0"):
            yield f"{int(c)}.{int(d)}.{int(e or 0)}", value


def _registers(told: dict[str, str]) -> Iterator[Register]:
    for code, value in told.items():
        if code not in KNOWN:
            continue
        if found := _NUMBER.fullmatch(value):
            yield Register(code, Decimal(found[1]), found[2])
        elif value.strip("-*"):
            raise Malformed(f"{code} is {value[:30]!r}")


def _serial(told: dict[str, str]) -> str:
    """The meter's number; P1 writes it as hexadecimal digits of ASCII characters."""
    number = next((told[code] for code in _SERIALS if told.get(code)), "")
    if len(number) % 2 == 0 and _HEXADECIMAL.fullmatch(number):
        text = bytes.fromhex(number)
        if text.isascii() and text.decode("ascii").isprintable():
            return text.decode("ascii").strip()
    return number.strip()


def _version(told: dict[str, str]) -> int:
    """The version of P1, such as 50; 0 where none is told. Belgian meters write it as 502xx under 96.1.4."""
    for code, digits in (("0.2.8", 2), ("96.1.4", 5)):
        if (text := told.get(code, "")).isdecimal() and len(text) == digits:
            return int(text[:2])
    return 0
