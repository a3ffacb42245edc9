"""A recording played to the meter: what it would have measured, window by window, and the registers at its end."""

from collections.abc import Iterator, Mapping
from typing import Final

from firmware_py.meter.calibration import Calibration, Corrector
from firmware_py.meter.inputs.recording import Recording
from firmware_py.meter.measure import Event, Measuring, Rest, Said, Summary, Window
from firmware_py.meter.registers import Flow, Registers, Settings, register_values

# Blocks of half a second: longer ones are no quicker and take more memory.
_BLOCK_S: Final = 0.5
_DIGITS: Final = 9

# One object of the output: a window, or something else, which has a `kind`.
Told = Mapping[str, Said]


class Player:
    """Plays one recording; `registers` count its energy by the recording's own samples, from moment 0, all of it at the end.

    `spectrum` adds the harmonics to each window, `summaries` what was found over longer times; with `gaps` samples that are
    not a number are missing ones, told as a fault of their window, and not the end of the recording.
    """

    def __init__(
        self,
        recording: Recording,
        measuring: Measuring,
        calibration: Calibration,
        *,
        spectrum: bool = False,
        summaries: bool = False,
        gaps: bool = False,
    ) -> None:
        """ValueError where the calibration does not fit the recording."""
        self.registers = Registers()
        self.windows = self.events = 0
        self._recording, self._measuring = recording, measuring
        self._spectrum, self._summaries, self._gaps = spectrum, summaries, gaps
        self._corrector = Corrector(calibration, recording.fs_hz, 3 + recording.currents)
        self._settings = Settings()

    def told(self) -> Iterator[Told]:
        """Windows and events in their order, then what is left; BadRecording where the file is damaged."""
        length = max(round(self._recording.fs_hz * _BLOCK_S), 1)
        for block in self._recording.blocks(length, gaps=self._gaps):
            for found in self._measuring.feed(self._corrector.corrected(block)):
                match found:
                    case Window():
                        yield self._window(found)
                    case Event():
                        yield self._event(found)
                    case Summary():
                        if self._summaries:
                            yield self._summary(found)
        if self.windows and (rest := self._measuring.after()) is not None:
            self._count(rest)
            begin_s, end_s = self._moment_s(rest.begin), self._moment_s(rest.end)
            values = register_values(self.registers, _DIGITS)
            yield {"kind": "rest", "begin_s": begin_s, "duration_s": end_s - begin_s, **values}

    def _count(self, span: Window | Rest) -> None:
        if span.active_j is None:
            return
        reactive_vars = 0.0 if span.reactive_vars is None else span.reactive_vars
        begin_us, end_us = (round(self._moment_s(place) * 1e6) for place in (span.begin, span.end))
        self.registers = self.registers.counted(Flow(begin_us, end_us, span.active_j, reactive_vars), self._settings)

    def _window(self, window: Window) -> Told:
        if self.windows == 0 and (before := self._measuring.before()) is not None:
            self._count(before)
        self.windows += 1
        self._count(window)
        begin_s, end_s = self._moment_s(window.begin), self._moment_s(window.end)
        faults: list[Mapping[str, float | str]] = [
            {"kind": f.kind, "channel": f.channel, "amount": f.amount} for f in window.faults
        ]
        return {
            "begin_s": begin_s,
            "duration_s": end_s - begin_s,
            **window.values,
            **register_values(self.registers, _DIGITS),
            **(window.spectrum if self._spectrum else {}),
            **({"faults": faults} if faults else {}),
        }

    def _event(self, event: Event) -> Told:
        self.events += 1
        return {"kind": event.kind, "begin_s": self._moment_s(event.begin), "phases": event.phases, **event.values}

    def _summary(self, summary: Summary) -> Told:
        begin_s, end_s = self._moment_s(summary.begin), self._moment_s(summary.end)
        return {"kind": summary.kind, "begin_s": begin_s, "duration_s": end_s - begin_s, **summary.values}

    def _moment_s(self, sample: float) -> float:
        return (sample + self._corrector.lag) / self._recording.fs_hz
