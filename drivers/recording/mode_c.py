"""What a meter of IEC 62056-21 mode C says when it is asked, told in the lines of a record: a question and its answer a line."""

from collections.abc import Callable
from typing import Final

from drivers.recording.pseudonyms import Pseudonyms
from drivers.recording.telegram_masks import identified, masked_block
from drivers.recording.transcript import Sink
from protocols.iec62056_21 import LONGEST
from protocols.obis_text import SEVEN_BITS, seven_bits
from protocols.recording import GotAnswer, GotDown
from protocols.telegrams import Malformed

_ACK: Final = "\x06"


class ModeCTranscript:
    """Implements `drivers.recording.tap.Ear`; `baud`: the rate at which the port opens, None through TCP."""

    def __init__(
        self, sink: Sink, now_s: Callable[[], float], baud: int | None, *, masks: bool = True, hidden: str = ""
    ) -> None:
        self._sink, self._now_s, self._masks, self._hidden = sink, now_s, masks, hidden
        self._first_baud = self._baud = baud
        self._pseudonyms = Pseudonyms()
        self._began_s = now_s()
        self._said, self._head = "", ""
        self._sent_s = self._first_s = self._last_s = 0.0
        self._came = bytearray()

    def sent(self, data: bytes) -> None:
        """A request or an acknowledgement: what came before it is whole."""
        self._tell()
        self._said, self._sent_s = data.translate(SEVEN_BITS).decode("ascii"), self._t()

    def heard(self, data: bytes, *, awaited: bool) -> None:
        """A part of the answer; what comes before anything was asked belongs to nothing."""
        now_s = self._t()
        self._first_s = self._first_s if self._came else now_s
        self._last_s = now_s
        if self._said and len(self._came) < LONGEST:
            self._came += data

    def changed_baud(self, baud: int) -> None:
        """The answer comes at this rate."""
        self._baud = baud

    def ended(self, why: str) -> None:
        """The stream ended by itself."""
        self._over()

    def closed(self) -> None:
        """The readout is over."""
        self._over()

    def failed(self, why: str) -> None:
        """There is no line."""
        self._over()
        self._sink(GotDown(self._t(), why=why.replace(self._hidden, "…") if self._hidden else why))

    def _t(self) -> float:
        return round(self._now_s() - self._began_s, 6)

    def _over(self) -> None:
        self._tell()
        self._head, self._baud = "", self._first_baud

    def _tell(self) -> None:
        said, raw, t = self._said, bytes(self._came), self._sent_s
        self._said = ""
        self._came.clear()
        if not said:
            return
        if not raw:
            self._sink(GotAnswer(t, say=said, baud=self._baud))
            return
        after, took = round(self._first_s - t, 6), round(self._last_s - t, 6)
        try:
            text = self._text(said, seven_bits(raw)).decode("ascii")
            self._sink(GotAnswer(t, took, say=said, after=after, baud=self._baud, text=text))
        except Malformed as error:
            hex_, size, why = ("", len(raw), str(error)) if self._masks else (raw.hex(), 0, "")
            self._sink(GotAnswer(t, took, say=said, after=after, baud=self._baud, hex=hex_, size=size, why=why))

    def _text(self, said: str, text: bytes) -> bytes:
        """The answer as it may be told; Malformed where it is spoilt."""
        if said.startswith(_ACK):
            return masked_block(self._head, text, self._pseudonyms) if self._masks else text
        if (told := identified(text)) is None:
            raise Malformed("no identification")
        self._head = told.line
        return text
