"""What stands in a record instead of serial numbers: as long, of the same kind of characters, and the same each time.

The first number that is met becomes …99001, the next one …99002 (no real one begins with all those nines): a swapped
meter is still another meter, and nobody learns which. A number of zeros is none and stays.
"""

from collections.abc import Sequence
from typing import Final

from drivers.register_meter import number

# Shorter than this, bytes that look like a serial number are most likely something else.
_LEAST_BYTES: Final = 4
_FIRST: Final = 99_990_000
SPACE: Final = b"\x00 "  # what a text in registers is filled up with


class Pseudonyms:
    """The serial numbers met so far, and what stands for them."""

    def __init__(self) -> None:
        self._known: list[bytes] = []
        self._pairs: dict[bytes, bytes] = {}

    def words(self, words: Sequence[int]) -> tuple[int, ...]:
        """A number in registers; one that says "none" (all bits 0, all bits 1) is left as it is."""
        if set(words) <= {0} or set(words) <= {0xFFFF}:
            return tuple(words)
        index = self._index(str(number(words)).encode())
        masked_number = _numbered(index, 2 * len(words))
        masked = tuple(masked_number >> 16 * place & 0xFFFF for place in reversed(range(len(words))))
        self._pairs[_bytes(words)] = _bytes(masked)
        return masked

    def spelt(self, words: Sequence[int]) -> tuple[int, ...]:
        """A text in registers."""
        masked = self.text(_bytes(words))
        return tuple(int.from_bytes(masked[place : place + 2], "big") for place in range(0, len(masked), 2))

    def text(self, text: bytes) -> bytes:
        """A text: letters and digits become digits, everything else stays."""
        places = [place for place, byte in enumerate(text) if byte < 0x80 and chr(byte).isalnum()]
        if all(text[place] == ord("0") for place in places):
            return text
        digits = f"{self._index(text.strip(SPACE)):03}".rjust(len(places), "9")[-len(places) :]
        masked = bytearray(text)
        for place, digit in zip(places, digits, strict=True):
            masked[place] = ord(digit)
        self._pairs[text.strip(SPACE)] = bytes(masked).strip(SPACE)
        return bytes(masked)

    def binary(self, raw: bytes) -> bytes:
        """An identity that is no text."""
        masked = _numbered(self._index(raw), len(raw)).to_bytes(len(raw), "big")
        self._pairs[raw] = masked
        return masked

    def learn(self, known: bytes, masked: bytes) -> None:
        """Another form in which a number stands, and what stands for that."""
        self._pairs[known] = masked

    def cleaned(self, data: bytes) -> bytes:
        """Bytes of any kind, without the numbers met so far."""
        for number_, masked in self._pairs.items():
            if _is_telling(number_):
                data = data.replace(number_, masked)
        return data

    def shows(self, data: bytes) -> bool:
        """Whether a number met so far stands in these bytes."""
        return any(_is_telling(known) and known != masked and known in data for known, masked in self._pairs.items())

    def _index(self, identity: bytes) -> int:
        if identity not in self._known:
            self._known.append(identity)
        return self._known.index(identity) + 1


def _is_telling(number_: bytes) -> bool:
    """Whether such bytes do not stand anywhere by chance, as the four of number 1 do."""
    return len(number_) >= _LEAST_BYTES and len(number_.strip(b"\x00")) >= _LEAST_BYTES - 1


def _numbered(index: int, size: int) -> int:
    """A number that fits into so many bytes."""
    return _FIRST + index if size >= _LEAST_BYTES else (1 << 8 * size) - 0x100 + index


def _bytes(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)
