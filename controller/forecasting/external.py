"""A forecast from outside (a weather service, the supplier) in place of the own middle, with its own record of being wrong.

How sure a source is, its past errors tell: they are counted in widths of the own forecast's band at that step, so that a sunny
noon and a dark morning can be learnt from together, and night stays night.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from controller.forecasting.forecast import LEVELS, Forecast, rising
from controller.forecasting.score import LEADS_H
from controller.forecasting.series import Series
from controller.planning.site import Floats, Horizon

# Errors that are remembered of each class of leads, and from how many on they count.
_KEPT: Final = 480
_ENOUGH: Final = 96
# A band narrower than this share of the widest says nothing of an error.
_NARROW: Final = 0.02


@dataclass(slots=True)
class Source:
    """What has been learnt of one source: its errors by class of leads, in widths of the own p10-p90 band."""

    errors: dict[int, list[float]] = field(default_factory=dict)
    _told: dict[int, dict[float, tuple[float, float]]] = field(default_factory=dict)

    def told(self, outside: Series, own: Forecast) -> None:
        """The source's forecast as it stood when the own one was made; both are compared with what will come."""
        horizon, values, width = own.horizon, outside.on(own.horizon), _width(own)
        least = _NARROW * float(width.max(initial=0.0))
        for step in np.flatnonzero(np.isfinite(values) & (width > least)):
            lead_h = _lead_h(horizon, int(step))
            if lead_h is not None:
                at_s = horizon.start.timestamp() + float(step) * horizon.step_s
                told = float(values[step]), float(width[step])
                self._told.setdefault(lead_h, {}).setdefault(at_s, told)

    def closed(self, start_s: float, value: float | None) -> None:
        """A step is over; None: its mean is not known."""
        for lead_h, waiting in self._told.items():
            told = waiting.pop(start_s, None)
            for old_s in [each for each in waiting if each < start_s]:
                del waiting[old_s]
            if told is not None and value is not None and np.isfinite(value):
                errors = self.errors.setdefault(lead_h, [])
                errors.append(round(float(np.clip((value - told[0]) / told[1], -20.0, 20.0)), 4))
                del errors[:-_KEPT]

    def quantiles(self, lead_h: int) -> Floats | None:
        """The error's quantiles at `LEVELS` in widths of the own band; None: too few errors so far."""
        errors = self.errors.get(lead_h, [])
        return np.quantile(errors, LEVELS) if len(errors) >= _ENOUGH else None

    def kept(self) -> bytes:
        """The state to keep, some 10 kB."""
        return msgspec.msgpack.encode({lead: np.array(each, "<f4").tobytes() for lead, each in self.errors.items()})

    @classmethod
    def taken(cls, raw: bytes | None) -> "Source":
        """What was kept; begun anew where that is not to be read."""
        try:
            found = msgspec.msgpack.decode(raw, type=dict[int, bytes]) if raw else {}
            return cls({lead: [float(each) for each in np.frombuffer(body, "<f4")] for lead, body in found.items()})
        except (msgspec.DecodeError, ValueError):
            return cls()


def around(
    name: str, outside: Series, own: Forecast, source: Source, least: float, most: float, *, is_sun: bool = False
) -> Forecast:
    """The outside forecast with its quantiles, the own one where it has holes (in `notes`); within `least` to `most`.

    Until enough is known of the source it is believed as sure as the own. `is_sun`: what the own rules out (night, more than
    the modules can) stays ruled out. ValueError for an outside value beyond the bounds.
    """
    outside.checked(name, least, most)
    given = outside.on(own.horizon)
    known = np.isfinite(given)
    spread = np.array([own.at(level) - own.median for level in LEVELS])
    width = _width(own)
    for step in range(own.horizon.steps):
        lead_h = _lead_h(own.horizon, step)
        learnt = None if lead_h is None else source.quantiles(lead_h)
        if learnt is not None:
            spread[:, step] = learnt * width[step]
    values = np.where(known, np.where(known, given, 0.0) + spread, [own.at(level) for level in LEVELS])
    if is_sun:
        values = np.where(own.values[-1] > 0.0, values, 0.0)
    holes = int((~known).sum())
    note = f"{name}: {holes} of {own.horizon.steps} steps are missing from the forecast given; there our own stands in"
    return Forecast(
        own.horizon, LEVELS, rising(np.clip(values, least, most)), (*own.notes, note) if holes else own.notes
    )


def _width(own: Forecast) -> Floats:
    return own.at(0.9) - own.at(0.1)


def _lead_h(horizon: Horizon, step: int) -> int | None:
    lead_s = (step + 1) * horizon.step_s
    return next((hours for hours in LEADS_H if lead_s <= hours * 3600.0), None)
