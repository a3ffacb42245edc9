"""Where in the registers of a device its serial number stands, and how it is masked there."""

from collections.abc import Mapping, Sequence
from typing import Final

from drivers.meters import TYPES
from drivers.recording.pseudonyms import Pseudonyms
from drivers.register_meter import SerialNumber
from drivers.sunspec.discovery import BASES, MARKER
from drivers.sunspec.models import COMMON
from protocols.modbus import Request
from protocols.ports import Table

_SERIALS: Final[Mapping[str, SerialNumber]] = {kind.name: kind.serial for kind in TYPES if kind.serial is not None}


class RegisterMask:
    """The places of serial numbers by unit: of the models that are known to be there, and of every SunSpec device.

    The common model is the first behind the marker; the place counts once the marker was seen.
    """

    def __init__(self, models: Mapping[int, str], pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._places = {unit: [_SERIALS[model]] for unit, model in models.items() if model in _SERIALS}
        self._last: dict[tuple[int, int], tuple[int, ...]] = {}

    def touches(self, request: Request) -> bool:
        """Whether any of a serial number stands in the registers of this request."""
        return any(_overlaps(place, request) for place in self._places.get(request.unit, ()))

    def words(self, request: Request, words: Sequence[int]) -> tuple[int, ...]:
        """What was read, without serial numbers."""
        self._look_for_sunspec(request, words)
        masked = list(words)
        for place in self._places.get(request.unit, ()):
            if _overlaps(place, request):
                self._mask(place, request, masked)
        return tuple(masked)

    def _mask(self, place: SerialNumber, request: Request, words: list[int]) -> None:
        start = place.address - request.address
        if start >= 0 and start + place.count <= len(words):
            told = words[start : start + place.count]
            known = self._pseudonyms.spelt(told) if place.spelt else self._pseudonyms.words(told)
            self._last[request.unit, place.address] = known
        # Of a part of a number nobody can say whose it is: the last one's mask, or nothing at all.
        nothing = (0x3030 if place.spelt else 0,) * place.count
        for offset, word in enumerate(self._last.get((request.unit, place.address), nothing)):
            if 0 <= start + offset < len(words):
                words[start + offset] = word

    def _look_for_sunspec(self, request: Request, words: Sequence[int]) -> None:
        if request.address not in BASES or tuple(words[:2]) != MARKER:
            return
        text = COMMON.texts["SN"]
        place = SerialNumber(Table.HOLDING, request.address + len(MARKER) + text.offset, text.words, spelt=True)
        places = self._places.setdefault(request.unit, [])
        if place not in places:
            places.append(place)


def _overlaps(place: SerialNumber, request: Request) -> bool:
    in_table = not request.reads or Table(request.function) is place.table
    return (
        in_table and request.address < place.address + place.count and place.address < request.address + request.count
    )
