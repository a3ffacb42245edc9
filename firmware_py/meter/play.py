"""A recording played to the meter: what it would have measured, window by window, and the registers at its end."""

from collections.abc import Iterator, Mapping
from typing import Final

from firmware_py.meter.calibration import Calibration, Corrector
from firmware_py.meter.inputs.recording import Recording
from firmware_py.meter.measure import Event, Measuring, Window
from firmware_py.meter.node import register_values
from firmware_py.meter.registers import Flow, Registers, Settings

# Blocks of a second: long enough to be quick, short enough to be little memory.
_BLOCK_S: Final = 1.0
_DIGITS: Final = 9

# One object of the output: a window, or an event, which has a `kind`.
Told = Mapping[str, float | str | None]


class Player:
    """Plays one recording; `registers` count its energy by the recording's own samples, from moment 0."""

    def __init__(self, recording: Recording, measuring: Measuring, calibration: Calibration) -> None:
        """ValueError where the calibration does not fit the recording."""
        self.registers = Registers()
        self.windows = self.events = 0
        self._recording, self._measuring = recording, measuring
        self._corrector = Corrector(calibration, recording.fs_hz, 3 + recording.currents)
        self._settings = Settings()

    def told(self) -> Iterator[Told]:
        """Windows and events in their order; BadRecording where the file is damaged."""
        for block in self._recording.blocks(max(round(self._recording.fs_hz * _BLOCK_S), 1)):
            for found in self._measuring.feed(self._corrector.corrected(block)):
                yield self._window(found) if isinstance(found, Window) else self._event(found)

    def _window(self, window: Window) -> Told:
        self.windows += 1
        begin_s, end_s = self._moment_s(window.begin), self._moment_s(window.end)
        power_w, reactive_var = window.values.get("power_w"), window.values.get("reactive_power_var")
        if power_w is not None:
            span_s = (window.end - window.begin) / self._recording.fs_hz
            reactive_vars = 0.0 if reactive_var is None else reactive_var * span_s
            moments = (round(begin_s * 1e6), round(end_s * 1e6))
            self.registers = self.registers.counted(Flow(*moments, power_w * span_s, reactive_vars), self._settings)
        return {
            "begin_s": begin_s,
            "duration_s": end_s - begin_s,
            **window.values,
            **register_values(self.registers, _DIGITS),
        }

    def _event(self, event: Event) -> Told:
        self.events += 1
        return {"kind": event.kind, "begin_s": self._moment_s(event.begin), **event.values}

    def _moment_s(self, sample: float) -> float:
        return (sample + self._corrector.lag) / self._recording.fs_hz
