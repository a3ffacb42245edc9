"""The metrology's results in the meter's names: `firmware_py.metrology` behind `firmware_py.meter.measure.Measuring`."""

import math
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from firmware_py.meter.measure import Event, Found, InputFault, Rest, Summary, Window
from firmware_py.metrology import results
from firmware_py.metrology.analyser import Analyser
from protocols.samples import Samples

_PHASES: Final = ("l1", "l2", "l3")
_ROWS: Final = (*_PHASES, "neutral")
_SEQUENCES: Final = ("zero", "positive", "negative")


class Analysing:
    """Measures one stream with the analyser; `epoch_s` is the wall's time of its first sample, for longer intervals."""

    def __init__(self, fs_hz: float, currents: int, nominal_v: float, nominal_hz: float, epoch_s: float = 0.0) -> None:
        """ValueError for a stream the analyser cannot measure; the message names the field and what is allowed."""
        config = results.Config(
            sample_rate_hz=fs_hz,
            nominal_voltage_v=nominal_v,
            nominal_frequency_hz=nominal_hz,
            currents=currents,
            epoch_s=epoch_s,
        )
        self._analyser, self._epoch_s, self._fs_hz = Analyser(config), epoch_s, fs_hz

    def feed(self, block: Samples) -> list[Found]:
        """As the port says; windows first, then events, then summaries."""
        found = self._analyser.feed(block[:3], block[3:])
        told: list[Found] = [_window(window) for window in found.windows]
        told += [self._event(event) for event in found.events]
        told += [
            *(self._aggregate(aggregate) for aggregate in found.aggregates),
            *(self._flicker(flicker) for flicker in found.flicker),
            *(self._frequency(frequency) for frequency in found.frequencies),
        ]
        return told

    def before(self) -> Rest | None:
        """As the port says; the reactive power is that of the first window."""
        return None if self._analyser.before is None else _rest(self._analyser.before)

    def after(self) -> Rest | None:
        """As the port says; the reactive power is that of the newest window."""
        return _rest(self._analyser.rest())

    def _place(self, moment_s: float) -> float:
        """A moment as a place in the stream."""
        return (moment_s - self._epoch_s) * self._fs_hz

    def _event(self, event: results.Event) -> Event:
        values = {
            "duration_s": event.duration_s,
            "detected_duration_s": event.detected_duration_s,
            "extreme_v": _known(event.extreme_v),
            "depth_ratio": _known(event.depth),
            "steady_change_ratio": _known(event.steady_change),
        }
        phases = [_PHASES[phase - 1] for phase in event.phases]
        return Event(str(event.kind), self._place(event.start_s), phases, values)

    def _aggregate(self, aggregate: results.Aggregate) -> Summary:
        values = {
            "frequency_hz": _known(aggregate.frequency_hz),
            **_common(aggregate),
            "unbalance_ratio": _known(aggregate.unbalance),
            **_by("thd_voltage", "", aggregate.thd_v),
            **_by("thd_current", "", aggregate.thd_a),
            "windows": float(aggregate.windows),
            "flagged": float(aggregate.flagged),
        }
        begin, end = self._place(aggregate.start_s), self._place(aggregate.end_s)
        return Summary(f"aggregate_{aggregate.span}", begin, end, values)

    def _flicker(self, flicker: results.Flicker) -> Summary:
        values = {
            **_by("flicker_pst", "", flicker.pst),
            **(_by("flicker_plt", "", flicker.plt) if flicker.plt is not None else {}),
            **_by("flicker_peak", "", flicker.peak),
        }
        return Summary("flicker", self._place(flicker.start_s), self._place(flicker.end_s), values)

    def _frequency(self, frequency: results.Frequency10s) -> Summary:
        begin = self._place(frequency.start_s)
        values = {"frequency_10s_hz": _known(frequency.frequency_hz)}
        return Summary("frequency_10s", begin, begin + 10.0 * self._fs_hz, values)


def _rest(rest: results.Rest) -> Rest:
    return Rest(rest.start_sample, rest.end_sample, _total(rest.energy_ws), _total(rest.reactive_energy_vars))


def _window(window: results.Window) -> Window:
    values = {
        "frequency_hz": _known(window.frequency_hz),
        "frequency_change_hz_s": _known(window.frequency_change_hz_s),
        **_common(window),
        "current_a": _total(window.current_a[:3]),
        **_by("power_factor", "ratio", window.power_factor),
        "power_factor_ratio": _ratio(_total(window.power_w), _total(window.apparent_va)),
        **_by("fundamental_power", "w", window.fundamental_power_w),
        **_by("fundamental_reactive_power", "var", window.fundamental_reactive_var),
        **_by("phase_angle", "deg", np.degrees(window.phase_angle_rad)),
        **_by("voltage_angle", "deg", np.degrees(window.voltage_angle_rad)),
        **{f"voltage_{name}_v": _known(value) for name, value in zip(_SEQUENCES, window.sequence_v, strict=True)},
        **{f"current_{name}_a": _known(value) for name, value in zip(_SEQUENCES, window.sequence_a, strict=True)},
        "unbalance_ratio": _known(window.unbalance),
        "zero_unbalance_ratio": _known(window.zero_unbalance),
        **_distortion(window.spectrum),
    }
    return Window(
        window.start_sample,
        window.end_sample,
        values,
        _total(window.energy_ws),
        _total(window.reactive_energy_vars),
        tuple(InputFault(str(fault.kind), _channel(fault.channel), float(fault.amount)) for fault in window.faults),
        dict(_spectrum(window.spectrum)),
    )


def _channel(name: str) -> str:
    """The neutral's current has its own name here."""
    return "in" if name == "i4" else name


def _common(told: results.Window | results.Aggregate) -> dict[str, float | None]:
    return {
        **_by("voltage", "v", told.voltage_v),
        **_by("current", "a", told.current_a),
        **_by("power", "w", told.power_w),
        "power_w": _total(told.power_w),
        **_by("reactive_power", "var", told.reactive_var),
        "reactive_power_var": _total(told.reactive_var),
        **_by("apparent_power", "va", told.apparent_va),
        "apparent_power_va": _total(told.apparent_va),
    }


def _distortion(spectrum: results.Spectrum | None) -> dict[str, float | None]:
    if spectrum is None:
        return {}
    return {**_by("thd_voltage", "", spectrum.thd_v), **_by("thd_current", "", spectrum.thd_a)}


def _spectrum(spectrum: results.Spectrum | None) -> Iterator[tuple[str, list[float | None]]]:
    """RMS by order, from 0, of the subgroups and interharmonic subgroups."""
    if spectrum is None:
        return
    for name, unit, rows in (
        ("harmonics_voltage", "v", spectrum.group_v),
        ("harmonics_current", "a", spectrum.group_a),
        ("interharmonics_voltage", "v", spectrum.interharmonic_v),
        ("interharmonics_current", "a", spectrum.interharmonic_a),
    ):
        for phase, row in zip(_ROWS, rows, strict=False):
            yield f"{name}_{phase}_{unit}", [_known(value) for value in row]


def _by(stem: str, unit: str, values: Iterable[float]) -> dict[str, float | None]:
    """By phase, with the neutral as the fourth."""
    behind = f"_{unit}" if unit else ""
    return {f"{stem}_{phase}{behind}": _known(value) for phase, value in zip(_ROWS, values, strict=False)}


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _total(values: Samples) -> float | None:
    return _known(float(values.sum()))


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or whole is None or whole == 0.0 else part / whole
