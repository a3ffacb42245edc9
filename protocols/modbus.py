"""Modbus client requests and replies without I/O; modbus_tcp.py and modbus_rtu.py put them on a wire.

A reader (`TcpReader`, `RtuReader`) belongs to one outstanding request. It is fed whatever arrives, in pieces of any
size, and gives the reply once it is complete. Everything is checked before a word is believed: transaction, unit,
function, length, byte count, check sum. What does not answer the question is a BadReply, never a value.

Source: MODBUS Application Protocol Specification V1.1b3 (functions: 6.1 to 6.4, 6.6, 6.11, 6.12; exceptions: 7).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Final

import msgspec

from protocols.faults import BadReply
from protocols.ports import BitTable, Table

READ_MAX: Final = 125  # 6.3, 6.4: quantity 1 to 0x7D
WRITE_MAX: Final = 123  # 6.12: quantity 1 to 0x7B
READ_BITS_MAX: Final = 2000  # 6.1, 6.2: quantity 1 to 0x7D0
WRITE_BITS_MAX: Final = 1968  # 6.11: quantity 1 to 0x7B0
ADU_MAX: Final = 260  # 4.1: MBAP header (7) and the longest PDU (253); an RTU frame has 256 at most
NOISE_MAX: Final = 2 * ADU_MAX  # what may be thrown away before one reply; beyond it the line babbles

EXCEPTION_BIT: Final = 0x80


class Function(IntEnum):
    """The function codes used here."""

    READ_COILS = 1
    READ_CONTACTS = 2  # discrete inputs
    READ_HOLDING = 3
    READ_INPUT = 4
    WRITE_SINGLE = 6
    WRITE_COILS = 15
    WRITE_MULTIPLE = 16


_READS: Final = frozenset({Function.READ_COILS, Function.READ_CONTACTS, Function.READ_HOLDING, Function.READ_INPUT})
_OF_BITS: Final = frozenset({Function.READ_COILS, Function.READ_CONTACTS, Function.WRITE_COILS})
_TABLES: Final = {
    Function.READ_COILS: "coils",
    Function.READ_CONTACTS: "discrete inputs",
    Function.READ_INPUT: "input registers",
    Function.WRITE_COILS: "coils",
}


# V1.1b3, 7: the exception codes and their names. Any other code is not an exception but nonsense.
EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
BUSY: Final = 6
ILLEGAL_FUNCTION: Final = 1
GATEWAY: Final = (10, 11)  # a gateway says this for a device that gave it no answer


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one unit; built by the functions below, which check every number. A coil is a word of 0 or 1."""

    unit: int
    function: Function
    address: int
    count: int
    words: tuple[int, ...] = ()
    reads: bool = field(init=False, compare=False, repr=False)  # asks for registers and changes nothing
    pdu: bytes = field(
        init=False, compare=False, repr=False
    )  # function code and data, as V1.1b3 section 6 lays them out
    reply_size: int = field(init=False, compare=False, repr=False)  # bytes in the PDU of the reply that is no exception

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", self.function in _READS)
        self._check()
        object.__setattr__(self, "pdu", self._pdu())
        object.__setattr__(self, "reply_size", 2 + self.bytes_asked if self.reads else 5)

    def _check(self) -> None:
        if not 0 <= self.unit <= 255:
            raise ValueError(f"unit {self.unit}: allowed is 0 to 255")
        if not 1 <= self.count <= self._count_max:
            raise ValueError(f"{self.count} {self._things}: allowed is 1 to {self._count_max} in one request")
        if not 0 <= self.address <= 0x10000 - self.count:
            last = self.address + self.count - 1
            raise ValueError(f"{self._things} {self.address} to {last}: allowed is 0 to 65535")
        most = 1 if self.of_bits else 0xFFFF
        for word in self.words:
            if not 0 <= word <= most:
                raise ValueError(f"word {word}: allowed is 0 to {most}")

    @property
    def of_bits(self) -> bool:
        """Whether this is about coils or discrete inputs."""
        return self.function in _OF_BITS

    @property
    def _things(self) -> str:
        return "bits" if self.of_bits else "registers"

    @property
    def _count_max(self) -> int:
        if self.of_bits:
            return READ_BITS_MAX if self.reads else WRITE_BITS_MAX
        return READ_MAX if self.reads else WRITE_MAX

    def _pdu(self) -> bytes:
        match self.function:
            case Function.READ_COILS | Function.READ_CONTACTS | Function.READ_HOLDING | Function.READ_INPUT:
                return struct.pack(">BHH", self.function, self.address, self.count)
            case Function.WRITE_SINGLE:
                return struct.pack(">BHH", self.function, self.address, self.words[0])
            case Function.WRITE_MULTIPLE:
                head = struct.pack(">BHHB", self.function, self.address, self.count, 2 * self.count)
                return head + struct.pack(f">{self.count}H", *self.words)
            case Function.WRITE_COILS:
                packed = _packed(self.words)
                return struct.pack(">BHHB", self.function, self.address, self.count, len(packed)) + packed

    @property
    def bytes_asked(self) -> int:
        """Bytes of data in the reply to a read: two a register, one for up to eight bits."""
        return (self.count + 7) // 8 if self.of_bits else 2 * self.count

    def __str__(self) -> str:
        verb = "read" if self.reads else "write"
        table = _TABLES.get(self.function, "holding registers")
        return f"unit {self.unit}, {verb} {self.count} {table} at {self.address} (0x{self.address:04X})"


@lru_cache(maxsize=4096)  # a poll asks the same again and again; checked and encoded once
def read(unit: int, table: Table, address: int, count: int) -> Request:
    """Ask for `count` registers; ValueError on any number out of range."""
    return Request(unit, Function(table), address, count)


def write(unit: int, address: int, words: Sequence[int]) -> Request:
    """Set holding registers with function 16; ValueError on any number out of range."""
    return Request(unit, Function.WRITE_MULTIPLE, address, len(words), tuple(words))


def write_single(unit: int, address: int, word: int) -> Request:
    """Set one holding register with function 6, for devices that refuse function 16."""
    return Request(unit, Function.WRITE_SINGLE, address, 1, (word,))


def read_bits(unit: int, table: BitTable, address: int, count: int) -> Request:
    """Ask for `count` coils or discrete inputs; ValueError on any number out of range."""
    return Request(unit, Function(table), address, count)


def write_coils(unit: int, address: int, bits: Sequence[bool]) -> Request:
    """Set coils with function 15, whose reply, unlike that of function 5, can be told from an echo; ValueError as above."""
    return Request(unit, Function.WRITE_COILS, address, len(bits), tuple(map(int, bits)))


def _packed(bits: Sequence[int]) -> bytes:
    """Eight bits a byte, the first lowest (6.11)."""
    return sum(bit << place for place, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")


class Bits(msgspec.Struct, frozen=True):
    """The coils or discrete inputs that were asked for, exactly as many."""

    bits: tuple[bool, ...]


class Words(msgspec.Struct, frozen=True):
    """The registers that were asked for, exactly as many."""

    words: tuple[int, ...]


class Written(msgspec.Struct, frozen=True):
    """The device confirmed the write: same address, same quantity."""


class Refusal(msgspec.Struct, frozen=True):
    """The device answered with an exception; `code` is a key of EXCEPTIONS."""

    code: int


Reply = Words | Bits | Written | Refusal


def parse(request: Request, pdu: bytes) -> Reply:
    """The reply in a complete PDU; BadReply where it does not answer the request."""
    if pdu[0] == request.function | EXCEPTION_BIT:
        return _refusal(pdu)
    if pdu[0] != request.function:
        raise BadReply(f"answers function {pdu[0]}, asked was function {request.function:d}")
    if request.reads:
        return _words(request, pdu)
    if pdu != request.pdu[:5]:
        raise BadReply(f"confirms {pdu.hex(' ')}, written was {request.pdu[:5].hex(' ')}")
    return Written()


def _refusal(pdu: bytes) -> Refusal:
    if len(pdu) != 2 or pdu[1] not in EXCEPTIONS:
        raise BadReply(f"answers with {pdu.hex(' ')}, which is no exception; codes are {sorted(EXCEPTIONS)}")
    return Refusal(pdu[1])


def _words(request: Request, pdu: bytes) -> Words | Bits:
    if len(pdu) != request.reply_size or pdu[1] != request.bytes_asked:
        stated = pdu[1] if len(pdu) > 1 else 0
        raise BadReply(f"carries {len(pdu) - 2} bytes and states {stated}, asked were {request.bytes_asked}")
    if request.of_bits:
        number = int.from_bytes(pdu[2:], "little")  # what fills the last byte up means nothing
        return Bits(tuple(bool(number >> place & 1) for place in range(request.count)))
    return Words(cut(pdu, 2, request.count))


_CUTTERS: Final = tuple(struct.Struct(f">{count}H") for count in range(READ_MAX + 1))


def cut(data: bytes, start: int, count: int) -> tuple[int, ...]:
    """So many registers that begin at this byte."""
    return _CUTTERS[count].unpack_from(data, start)


class Noise:
    """Counts what a reader throws away; a line that sends more than NOISE_MAX of it babbles."""

    def __init__(self) -> None:
        self.size = 0

    def add(self, size: int) -> None:
        """These bytes were no reply; BadReply once there are too many."""
        self.size += size
        if self.size > NOISE_MAX:
            raise BadReply(f"sent {self.size} bytes that are no reply, at most {NOISE_MAX} are skipped")

    def leftover(self, incomplete: bytearray) -> str:
        """What came instead of a reply, for the message of a time-out."""
        parts = [f"{self.size} bytes skipped"] if self.size else []
        if incomplete:
            parts.append(f"{len(incomplete)} bytes incomplete: {bytes(incomplete[:32]).hex(' ')}")
        return "; ".join(parts) or "nothing came"
