"""Modbus RTU framing without I/O.

Source: MODBUS over Serial Line Specification and Implementation Guide V1.02 (RTU framing: 2.5.1).
"""

from typing import Final

from protocols.faults import BadReply
from protocols.modbus import ADU_MAX, EXCEPTION_BIT, NOISE_MAX, Function, Noise, Reply, Request, parse

_READS: Final = (Function.READ_COILS, Function.READ_CONTACTS, Function.READ_HOLDING, Function.READ_INPUT)
_WRITES: Final = (Function.WRITE_SINGLE, Function.WRITE_COILS, Function.WRITE_MULTIPLE)


def _crc_of_byte(byte: int) -> int:
    crc = byte
    for _ in range(8):
        crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


_CRC: Final = tuple(_crc_of_byte(byte) for byte in range(256))


def crc16(data: bytes, crc: int = 0xFFFF) -> int:
    """The check sum of an RTU frame (Serial Line V1.02, 2.5.1.2); 0 over a frame that ends with its own.

    `crc` is the initial value: P1 telegrams carry the same sum, begun at 0.
    """
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def rtu_frame(request: Request) -> bytes:
    """The request between its unit and its check sum, low byte first (Serial Line V1.02, 2.5.1)."""
    body = bytes((request.unit,)) + request.pdu
    return body + crc16(body).to_bytes(2, "little")


class RtuReader:
    """Waits for the reply to one request on a serial line.

    Our own request heard as an echo, other units' frames and noise are skipped, up to NOISE_MAX bytes. A frame of our
    unit with a good check sum that is not the reply is a BadReply, and so is one of the right form with a bad sum.

    The reply to function 6 looks like the request: whether the line `echoes` must be known then. `echoed` says whether
    it did.
    """

    def __init__(self, request: Request, *, echoes: bool | None = None) -> None:
        if request.function is Function.WRITE_SINGLE and echoes is None:
            raise ValueError(
                "function 6 on a serial line: its reply looks like an echo, so say whether the line echoes"
            )
        self._request = request
        self._looks_alike = request.function is Function.WRITE_SINGLE
        self._echo_due = bool(echoes)
        self.echoed = False
        self._echo = rtu_frame(request)
        self._head = self._echo[:2] + (bytes((request.bytes_asked,)) if request.reads else self._echo[2:6])
        self._size = request.reply_size + 3
        self._buffer = bytearray()
        self._noise = Noise()

    def feed(self, data: bytes) -> Reply | None:
        """Take what arrived; the reply once it is complete, None until then."""
        self._buffer += data
        if self._still_coming():
            return None
        while (found := self._find()) is not None:
            start, frame = found
            self._noise.add(start)
            del self._buffer[: start + len(frame)]
            if frame[0] == self._request.unit and not self._is_echo(frame):
                return parse(self._request, frame[1:-2])
            self._noise.add(len(frame))
        if len(self._buffer) > NOISE_MAX + ADU_MAX - self._noise.size:
            self._noise.add(len(self._buffer))
        return None

    @property
    def leftover(self) -> str:
        """What was thrown away or is incomplete, for the message of a time-out."""
        return self._noise.leftover(self._buffer)

    def _is_echo(self, frame: bytes) -> bool:
        """Whether this is our own request, heard back; the second one that looks like it is the reply to function 6."""
        if frame != self._echo or (self._looks_alike and not self._echo_due):
            return False
        self.echoed, self._echo_due = True, False
        return True

    def _still_coming(self) -> bool:
        """Whether the buffer is the start of the expected reply: the usual case, decided without searching."""
        head = self._head[: len(self._buffer)]
        return len(self._buffer) < self._size and self._buffer.startswith(head)

    def _find(self) -> tuple[int, bytes] | None:
        """The first whole frame with a good check sum, and how much stands before it."""
        for start in range(len(self._buffer) - 3):
            for size in self._sizes(start):
                frame = bytes(self._buffer[start : start + size])
                if len(frame) == size and crc16(frame) == 0:
                    return start, frame
            if start == 0 and self._is_spoiled():
                raise BadReply(f"has a bad check sum: {self._buffer[: self._size].hex(' ')}")
        return None

    def _sizes(self, start: int) -> tuple[int, ...]:
        """How long a frame that begins here may be: the echo, an exception, registers, a request or confirmation."""
        if self._echo.startswith(self._buffer[start : start + len(self._echo)]):
            return (len(self._echo), self._size, 5)
        function = self._buffer[start + 1]
        if function & EXCEPTION_BIT:
            return (5,)
        if function in _READS:
            return (5 + self._buffer[start + 2], 8)
        return (8,) if function in _WRITES else ()

    def _is_spoiled(self) -> bool:
        """Whether all of a reply stands in front, though its check sum is wrong (and it is no echo still coming in)."""
        whole = len(self._buffer) >= self._size and self._buffer.startswith(self._head)
        return whole and not self._echo.startswith(self._buffer)
