"""A window of 10 or 12 cycles, made from differences of integrals and from its spectrum."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from firmware_py.metrology.checks import channel_faults, wiring_faults
from firmware_py.metrology.harmonics import Phasors, phasors, sequence, spectrum
from firmware_py.metrology.history import History
from firmware_py.metrology.results import Array, Config, FaultKind, InputFault, Window
from firmware_py.metrology.transform import Transform


class Windows:
    """Makes one window after the other."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.transform = Transform(config, 3 + config.currents) if config.spectrum else None
        self.count = 0
        self.before_hz = np.nan

    def make(self, history: History, begin: float, end: float, grown: Array, synchronised: bool) -> Window:
        """The window between two positions; `grown` is by how much the integrals of u², i², p grew, in samples."""
        config, rate = self.config, self.config.true_rate_hz
        length = end - begin
        mean = grown / length
        channels = 3 + config.currents
        rms, power = np.sqrt(np.maximum(mean[:channels], 0.0)), mean[channels:]
        found = phasors(config, self.transform, history.samples, begin, end) if self.transform is not None else None
        frequency = config.cycles * rate / length
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = power / (apparent := rms[:3] * rms[3:6])
        told = _fundamental(found, length / rate)
        window = Window(
            index=self.count,
            start_sample=history.start + begin,
            end_sample=history.start + end,
            start_s=config.epoch_s + (history.start + begin) / rate,
            end_s=config.epoch_s + (history.start + end) / rate,
            frequency_hz=frequency,
            frequency_change_hz_s=(frequency - self.before_hz) * rate / length,
            voltage_v=rms[:3],
            current_a=rms[3:],
            power_w=power,
            apparent_va=apparent,
            power_factor=factor,
            energy_ws=grown[channels:] / rate,
            faults=self._faults(history, (begin, end), rms, power, told, synchronised),
            **told,
            spectrum=spectrum(found) if found is not None else None,
        )
        self.count, self.before_hz = self.count + 1, frequency
        return window

    def _faults(
        self,
        history: History,
        span: tuple[float, float],
        rms: Array,
        power: Array,
        told: Mapping[str, Any],
        synchronised: bool,
    ) -> tuple[InputFault, ...]:
        samples = history.samples[:, int(span[0]) : int(span[1])]
        faults = list(channel_faults(self.config, samples, rms, history.lacking(*span)))
        if self.transform is not None:
            faults += wiring_faults(told["sequence_v"], power)
        if not synchronised:
            faults.append(InputFault(FaultKind.UNSYNCHRONISED, "", float(rms[:3].max())))
        return tuple(faults)


def _fundamental(found: Phasors | None, seconds: float) -> dict[str, Any]:
    """Everything that needs phasors, NaN without them."""
    if found is None:
        none = np.full(3, np.nan)
        fields = "reactive_var fundamental_power_w fundamental_reactive_var phase_angle_rad voltage_angle_rad sequence_v sequence_a"
        return {
            **dict.fromkeys(fields.split(), none),
            "unbalance": np.nan,
            "zero_unbalance": np.nan,
            "reactive_energy_vars": none,
        }
    first = found.fundamental
    volts, amperes = found.harmonics[:3, 1:], found.harmonics[3:6, 1:]
    power = first[:3] * first[3:6].conj()
    reactive = np.add.reduce(volts.imag * amperes.real - volts.real * amperes.imag, axis=1)
    sequences = sequence(first[:6].reshape(2, 3).T).T
    zero, positive, negative = sequences[0].tolist()
    return {
        "reactive_var": reactive,
        "reactive_energy_vars": reactive * seconds,
        "fundamental_power_w": power.real,
        "fundamental_reactive_var": power.imag,
        "phase_angle_rad": np.angle(power),
        "voltage_angle_rad": np.angle(first[:3] * first[0].conj()),
        "sequence_v": sequences[0],
        "sequence_a": sequences[1],
        "unbalance": negative / positive if positive > 0 else np.nan,
        "zero_unbalance": zero / positive if positive > 0 else np.nan,
    }
