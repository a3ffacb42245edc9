"""A record of a device's wire traffic: a head, then a line of JSON for each exchange or telegram. docs/record-replay.md.

Words are hexadecimal, times are seconds since the record began. A file that was cut in its last line is read up to
there; anything else that is wrong is a `BadRecording` that names the line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from protocols.modbus import EXCEPTIONS, Function, Request

FORMAT: Final = 1
Scheme = Literal["tcp", "rtu+tcp", "serial"]
# Ten years: beyond it a time is no time but a slip.
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3.2e8)]

_ASK: Final = re.compile(r"[0-9a-f]{2} [0-9a-f]{2}( [0-9a-f]{4})+")
_WORDS: Final = re.compile(r"[0-9a-f]{4}( [0-9a-f]{4})*")


class BadRecording(ValueError):
    """A record that cannot be used; the message names file, line and reason."""


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One device on the line: its model, and on Modbus its unit id."""

    model: str
    unit: int | None = None


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The first line: what was recorded by whom; neither host nor port. `timeout_s`: how long the recorder waited.

    `utc` labels the record and nothing is computed from it.
    """

    busbar_record: int
    busbar: str
    scheme: Scheme
    devices: tuple[Recorded, ...]
    utc: str
    timeout_s: float
    serials: Literal["masked", "kept"]
    baud: int | None = None


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="got"):
    """`t`: when the request left, or the first byte of a telegram came."""

    t: Seconds


class _Exchange(_Line, frozen=True):
    """`ask`: the request, as `spelt`; `took`: seconds until the last byte of the reply."""

    ask: str
    took: Seconds = 0.0


class GotWords(_Exchange, frozen=True, kw_only=True, tag="words"):
    """The registers that were asked for."""

    words: str


class GotDone(_Exchange, frozen=True, kw_only=True, tag="done"):
    """The write was confirmed."""


class GotRefused(_Exchange, frozen=True, kw_only=True, tag="refused"):
    """The device answered with an exception."""

    code: int


class GotLate(_Exchange, frozen=True, kw_only=True, tag="late"):
    """A good reply, `pdu`, that came when nobody waited for it any more."""

    pdu: str


class GotSilent(_Exchange, frozen=True, kw_only=True, tag="silent"):
    """Nothing came within the recorder's time-out."""


class GotRaw(_Exchange, frozen=True, kw_only=True, tag="raw"):
    """Bytes that were not exactly the reply: spoilt, cut, foreign, or a reply with noise around it.

    `id`: the transaction id of the request, on TCP. `hung_up`: so many seconds after it the connection ended.
    """

    hex: str
    id: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] | None = None
    hung_up: Seconds | None = None


class GotHungUp(_Exchange, frozen=True, kw_only=True, tag="hung up"):
    """The connection ended instead of a reply."""

    why: str


class GotDown(_Line, frozen=True, kw_only=True, tag="down"):
    """No connection could be made."""

    why: str


class GotStray(_Line, frozen=True, kw_only=True, tag="stray"):
    """Bytes that nobody waited for, behind a reply."""

    hex: str


class _Unasked(_Line, frozen=True):
    """`took`: seconds until the last byte."""

    took: Seconds = 0.0


class GotText(_Unasked, frozen=True, kw_only=True, tag="text"):
    """A telegram in ASCII, and what stood before it."""

    text: str


class GotBytes(_Unasked, frozen=True, kw_only=True, tag="bytes"):
    """A telegram, and what stood before it."""

    hex: str


class GotAnswer(_Unasked, frozen=True, kw_only=True, tag="answer"):
    """What a meter of IEC 62056-21 mode C answered, at this rate (None: through TCP), to `say`: text without parity.

    `after`: seconds until its first byte. `hex` instead of `text`: bytes that were spoilt; `size` and `why`: so many that
    may hold a serial number. None of these: silence.
    """

    say: str
    after: Seconds = 0.0
    baud: int | None = None
    text: str = ""
    hex: str = ""
    size: Annotated[int, msgspec.Meta(ge=0, le=65536)] = 0
    why: str = ""


class GotWithheld(_Unasked, frozen=True, kw_only=True, tag="withheld"):
    """Bytes that may hold a serial number in a place nobody can tell: only how many they were, and what was wrong."""

    ask: str = ""
    size: Annotated[int, msgspec.Meta(ge=1, le=65536)]
    why: str


Line = (
    GotWords
    | GotDone
    | GotRefused
    | GotLate
    | GotSilent
    | GotRaw
    | GotHungUp
    | GotDown
    | GotStray
    | GotText
    | GotBytes
    | GotAnswer
    | GotWithheld
)


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole record; `is_cut`: its last line was not whole and is left out."""

    head: Head
    lines: tuple[Line, ...]
    is_cut: bool = False

    @property
    def is_telegrams(self) -> bool:
        """Whether it holds what a meter said, by itself or when asked for all at once."""
        return any(device.unit is None for device in self.head.devices)

    @property
    def is_asked(self) -> bool:
        """Whether it holds what a meter of IEC 62056-21 mode C answered."""
        return any(isinstance(line, GotAnswer) for line in self.lines)


def encoded(line: Head | Line) -> bytes:
    """A line of the file."""
    return msgspec.json.encode(line) + b"\n"


def spelt(request: Request) -> str:
    """A request in words: unit, function, address, then the count (functions 3, 4, 16) and what is written."""
    words = [request.address, *([] if request.function is Function.WRITE_SINGLE else [request.count]), *request.words]
    return f"{request.unit:02x} {request.function:02x} {spelt_words(words)}"


def spelt_words(words: tuple[int, ...] | list[int]) -> str:
    """Registers as hexadecimal words."""
    return " ".join(f"{word:04x}" for word in words)


def words_of(text: str) -> tuple[int, ...]:
    """Registers of hexadecimal words; ValueError otherwise."""
    if not _WORDS.fullmatch(text):
        raise ValueError(f"words {text[:40]!r}: words of four lower-case hexadecimal digits are allowed")
    return tuple(int(word, 16) for word in text.split())


def asked(text: str) -> Request:
    """The request that is spelt so; ValueError otherwise."""
    if not _ASK.fullmatch(text):
        raise ValueError(f"ask {text[:40]!r}: unit and function in two hexadecimal digits, then words, are allowed")
    unit, code, address, *rest = (int(part, 16) for part in text.split())
    if code not in list(Function) or not rest:
        raise ValueError(f"ask {text[:40]!r}: functions 3, 4, 6 and 16 are allowed, with a count or a value")
    function = Function(code)
    count, words = (1, rest) if function is Function.WRITE_SINGLE else (rest[0], rest[1:])
    told = 0 if function in (Function.READ_HOLDING, Function.READ_INPUT) else count
    if len(words) != told:
        raise ValueError(f"ask {text[:40]!r}: {len(words)} words to write where {told} are told")
    return Request(unit, function, address, count, tuple(words))


def parse(data: bytes, name: str) -> Recording:
    """The record in a file's bytes; BadRecording names `name` and the line."""
    first, *rest = data.split(b"\n")
    head = _head(first, name)
    lines = tuple(_lines(rest, name))
    return Recording(head, lines, is_cut=rest[-1:] != [b""])


def _head(first: bytes, name: str) -> Head:
    try:
        told = msgspec.json.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = None
    if not isinstance(told, dict) or "busbar_record" not in told:
        raise BadRecording(f"{name}: line 1: no head with busbar_record: not a record, or cut in its first line")
    if told["busbar_record"] != FORMAT:
        raise BadRecording(f"{name}: line 1: busbar_record {told['busbar_record']!r}: {FORMAT} is allowed")
    try:
        head = msgspec.convert(told, Head)
    except msgspec.ValidationError as error:
        raise BadRecording(f"{name}: line 1: {error}") from error
    if not head.devices:
        raise BadRecording(f"{name}: line 1: devices: at least one is needed")
    return head


def _lines(texts: list[bytes], name: str) -> Iterator[Line]:
    """Each whole line, checked; the last text stands behind the last end of line and is none."""
    decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
    before_s = 0.0
    for number, text in enumerate(texts[:-1], 2):
        try:
            line = decoder.decode(text)
            _check(line)
            if line.t < before_s:
                raise ValueError(f"t {line.t:g} comes after {before_s:g}: times do not go back")
        except (msgspec.DecodeError, ValueError) as error:
            raise BadRecording(f"{name}: line {number}: {error}") from error
        before_s = line.t
        yield line


def _check(line: Line) -> None:
    """ValueError where the parts of a line do not fit."""
    request = asked(line.ask) if isinstance(line, _Exchange) or (isinstance(line, GotWithheld) and line.ask) else None
    match line:
        case GotWords(words=words):
            assert request is not None
            if not request.reads or len(words_of(words)) != request.count:
                raise ValueError(f"{len(words_of(words))} words in answer to {line.ask[:40]!r}")
        case GotDone() if request is not None and request.reads:
            raise ValueError(f"ask {line.ask!r}: a read is not confirmed, it has words")
        case GotRefused(code=code) if code not in EXCEPTIONS:
            raise ValueError(f"code {code}: allowed are {', '.join(map(str, EXCEPTIONS))}")
        case GotRaw(hex=text) | GotStray(hex=text) | GotBytes(hex=text) | GotLate(pdu=text):
            if not bytes.fromhex(text):
                raise ValueError("no bytes")
        case GotAnswer():
            _check_answer(line)
        case GotText(text=text) if not text or not text.isascii():
            raise ValueError("text: ASCII is allowed, and at least one character")
        case _:
            pass


def _check_answer(line: GotAnswer) -> None:
    if not line.say or not line.say.isascii() or not line.text.isascii():
        raise ValueError("say and text: ASCII is allowed, and at least one character to say")
    if bool(line.text) + bool(bytes.fromhex(line.hex)) + bool(line.size) > 1:
        raise ValueError("text, hex and size: one of them is allowed")
