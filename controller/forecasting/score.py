"""How good forecasts were: error, pinball and coverage by kind and lead time, beside the plain forecast's on the same quarters.

Sums fade with time, so that a score speaks of the last weeks. What is compared is kept in memory only: after a restart the
first hours are compared with what is forecast anew, at shorter leads of the same class.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
import numpy as np

from controller.forecasting.forecast import LEVELS, Forecast
from controller.planning.site import Floats

# Each class of lead times ends here; a quarter counts at the longest lead of the class it was forecast at.
LEADS_H: Final = (1, 6, 24, 48)
BAND: Final = (0.1, 0.9)
# After 30 days a quarter still weighs 1/e, however many were compared since.
_FADE: Final = 1.0 - 1.0 / (96.0 * 30.0)


class Sums(msgspec.Struct, array_like=True):
    """Faded sums over the quarters of one kind and class; `weight` is how many those are."""

    weight: float = 0.0
    off: float = 0.0
    bias: float = 0.0
    pinball: float = 0.0
    inside: float = 0.0
    plain_weight: float = 0.0
    plain_off: float = 0.0
    plain_pinball: float = 0.0
    off_with_plain: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """Of one kind and class: mean absolute error of the median, its bias (positive: forecast too high), mean pinball over the
    levels, share inside p10 to p90; `plain_…` the same of the reference, `skill` 1 - MAE / its MAE on the same quarters.

    Units are the kind's own. None: nothing to compare with yet.
    """

    kind: str
    lead_h: int
    quarters: float
    mae: float
    bias: float
    pinball: float
    coverage: float
    plain_mae: float | None
    plain_pinball: float | None
    skill: float | None


@dataclass(frozen=True, slots=True)
class _Told:
    values: Floats
    plain: Floats | None


@dataclass(slots=True)
class Scores:
    """Takes in each forecast and each closed quarter-hour; `results` is what came of it."""

    sums: dict[str, Sums] = field(default_factory=dict)
    _told: dict[tuple[str, int], dict[float, _Told]] = field(default_factory=dict)

    def told(self, kind: str, forecast: Forecast, plain: Forecast | None = None, now: datetime | None = None) -> None:
        """A forecast was made `now` (None: at its start), `plain` the reference at the same moment for the same horizon."""
        horizon = forecast.horizon
        if horizon.step_s != 900.0:
            return
        made_s = (now or horizon.start).timestamp()
        own = np.array([forecast.at(level) for level in LEVELS])
        other = None if plain is None else np.array([plain.at(level) for level in LEVELS])
        for step in range(horizon.steps):
            begins_s = horizon.start.timestamp() + step * horizon.step_s
            lead_s = begins_s + horizon.step_s - made_s
            lead_h = next((hours for hours in LEADS_H if 0.0 < lead_s <= hours * 3600.0), None)
            if lead_h is not None:
                told = _Told(own[:, step], None if other is None else other[:, step])
                self._told.setdefault((kind, lead_h), {}).setdefault(begins_s, told)

    def closed(self, kind: str, start: datetime, value: float | None) -> None:
        """A quarter-hour is over; None: its mean is not known."""
        at_s = start.timestamp()
        for lead_h in LEADS_H:
            waiting, sums = self._told.get((kind, lead_h), {}), self.sums.setdefault(f"{kind}/{lead_h}", Sums())
            _fade(sums)
            told = waiting.pop(at_s, None)
            for old_s in [each for each in waiting if each < at_s]:
                del waiting[old_s]
            if told is not None and value is not None and np.isfinite(value):
                _count(sums, told, value)

    def results(self) -> tuple[Result, ...]:
        """By kind and lead time."""
        keys = ((key.rpartition("/"), sums) for key, sums in self.sums.items() if sums.weight > 0.0)
        found = [_result(kind, int(lead), sums) for (kind, _, lead), sums in keys]
        return tuple(sorted(found, key=lambda result: (result.kind, result.lead_h)))

    def kept(self) -> bytes:
        """The state to keep, under a kilobyte for a few kinds."""
        return msgspec.msgpack.encode(self.sums)

    @classmethod
    def taken(cls, raw: bytes | None) -> "Scores":
        """What was kept; begun anew where that is not to be read."""
        try:
            return cls(msgspec.msgpack.decode(raw, type=dict[str, Sums]) if raw else {})
        except msgspec.DecodeError:
            return cls()


def pinball(value: float, levels: Mapping[float, float]) -> float:
    """The mean loss over levels and their values: what falls short of the truth costs the level, what is beyond its rest."""
    losses = [max(level * (value - told), (level - 1.0) * (value - told)) for level, told in levels.items()]
    return sum(losses) / len(losses)


def _fade(sums: Sums) -> None:
    for name in sums.__struct_fields__:
        setattr(sums, name, getattr(sums, name) * _FADE)


def _count(sums: Sums, told: _Told, value: float) -> None:
    own = dict(zip(LEVELS, map(float, told.values), strict=True))
    sums.weight += 1.0
    sums.off += abs(own[0.5] - value)
    sums.bias += own[0.5] - value
    sums.pinball += pinball(value, own)
    sums.inside += float(own[BAND[0]] <= value <= own[BAND[1]])
    if told.plain is not None:
        plain = dict(zip(LEVELS, map(float, told.plain), strict=True))
        sums.plain_weight += 1.0
        sums.plain_off += abs(plain[0.5] - value)
        sums.plain_pinball += pinball(value, plain)
        sums.off_with_plain += abs(own[0.5] - value)


def _result(kind: str, lead_h: int, sums: Sums) -> Result:
    compared, weight = sums.plain_weight, sums.weight
    return Result(
        kind=kind,
        lead_h=lead_h,
        quarters=weight,
        mae=sums.off / weight,
        bias=sums.bias / weight,
        pinball=sums.pinball / weight,
        coverage=sums.inside / weight,
        plain_mae=sums.plain_off / compared if compared > 0.0 else None,
        plain_pinball=sums.plain_pinball / compared if compared > 0.0 else None,
        skill=1.0 - sums.off_with_plain / sums.plain_off if sums.plain_off > 0.0 else None,
    )
