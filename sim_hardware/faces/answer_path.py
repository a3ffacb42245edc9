"""The way of an answer from a device to its wire: where it is delayed, comes late or is garbled."""

import asyncio
from collections.abc import Callable, Mapping

from sim_hardware.faults import Faults, Word


def flip_bit(frame: bytes, bit: int) -> bytes:
    """The frame with one bit turned over."""
    garbled = bytearray(frame)
    garbled[bit // 8] ^= 1 << bit % 8
    return bytes(garbled)


class Pace:
    """When an answer leaves: `delay` makes a slow device that answers one after the other, `late` a slow way."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._busy_until_s = 0.0

    def wait_s(self, faults: Faults) -> float:
        """How long this answer has to wait, 0 for not at all."""
        wait_s = 0.0
        if faults.strikes(Word.DELAY):
            now_s = self._loop.time()
            self._busy_until_s = max(now_s, self._busy_until_s) + faults.argument(Word.DELAY)
            wait_s = self._busy_until_s - now_s
        if faults.strikes(Word.LATE):
            wait_s += faults.argument(Word.LATE)
        return wait_s


class AnswerPath(asyncio.Transport):
    """The transport that pymodbus writes to: each write is one whole answer.

    `unit_at` is the place of the unit id in a frame; of `garbled_bytes` leading bytes one bit is flipped (None: any).
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        faults: Mapping[int, Faults],
        *,
        unit_at: int,
        garbled_bytes: int | None,
    ) -> None:
        super().__init__()
        self._send, self._faults = send, faults
        self._unit_at, self._garbled_bytes = unit_at, garbled_bytes
        self._loop = asyncio.get_running_loop()
        self._pace = Pace()
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take an answer and send it, through the faults of its device."""
        frame = bytes(data)
        faults = self._faults.get(frame[self._unit_at])
        if faults is None:
            self._deliver(frame)
            return
        if faults.strikes(Word.GARBLE):
            span = min(len(frame), self._garbled_bytes or len(frame))
            frame = flip_bit(frame, faults.random.randrange(8 * span))
        wait_s = self._pace.wait_s(faults)
        if wait_s > 0.0:
            self._loop.call_later(wait_s, self._deliver, frame)
        else:
            self._deliver(frame)

    def _deliver(self, frame: bytes) -> None:
        if not self._closing:
            self._send(frame)

    def close(self) -> None:
        """Nothing more goes out."""
        self._closing = True

    def abort(self) -> None:
        """As close."""
        self.close()

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._closing
