"""What a meter says by itself, told in the lines of a record: a telegram a line."""

from collections.abc import Callable
from typing import Final

from drivers.recording.pseudonyms import Pseudonyms
from drivers.recording.telegram_masks import READERS, masked
from drivers.recording.transcript import Sink
from protocols.recording import GotBytes, GotDown, GotText, GotWithheld, Line
from protocols.telegrams import Malformed

# Between two telegrams there is a pause; what stands before it will not become one any more.
_PAUSE_S: Final = 2.0
_LONGEST: Final = 16_384


class TelegramTranscript:
    """Implements `drivers.recording.tap.Ear` for a meter that sends telegrams of this model."""

    def __init__(
        self, sink: Sink, now_s: Callable[[], float], model: str, *, masks: bool = True, hidden: str = ""
    ) -> None:
        self._sink, self._now_s, self._model, self._masks, self._hidden = sink, now_s, model, masks, hidden
        self._reader = READERS[model]()
        self._pseudonyms = Pseudonyms()
        self._began_s = now_s()
        self._chunk = bytearray()
        self._first_s = self._last_s = 0.0

    def sent(self, data: bytes) -> None:
        """Nobody asks such a meter."""

    def heard(self, data: bytes, *, awaited: bool) -> None:
        """Bytes came; where a telegram ends among them, only its reader knows."""
        now_s = self._t()
        if self._chunk and now_s - self._last_s > _PAUSE_S:
            self._tell()
        for place in range(len(data)):
            if not self._chunk:
                self._first_s = now_s
            self._last_s = now_s
            self._chunk += data[place : place + 1]
            if self._reader.feed(data[place : place + 1]) or len(self._chunk) >= _LONGEST:
                self._tell()

    def changed_baud(self, baud: int) -> None:
        """It stays at its rate."""

    def ended(self, why: str) -> None:
        """The stream ended by itself."""
        self._tell()

    def closed(self) -> None:
        """We hung up."""
        self._tell()

    def failed(self, why: str) -> None:
        """There is no line."""
        self._tell()
        self._sink(GotDown(self._t(), why=why.replace(self._hidden, "…") if self._hidden else why))

    def _t(self) -> float:
        return round(self._now_s() - self._began_s, 6)

    def _tell(self) -> None:
        data, t, took = bytes(self._chunk), self._first_s, round(self._last_s - self._first_s, 6)
        self._chunk.clear()
        if data:
            self._sink(self._line(data, t, took))

    def _line(self, data: bytes, t: float, took: float) -> Line:
        if self._masks:
            try:
                data = masked(self._model, data, self._pseudonyms)
            except Malformed as error:
                return GotWithheld(t, took, size=len(data), why=str(error))
        if data.isascii() and data.replace(b"\r\n", b"").decode("ascii").isprintable():
            return GotText(t, took, text=data.decode("ascii"))
        return GotBytes(t, took, hex=data.hex())
