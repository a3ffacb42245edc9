"""What really flowed, beside what a node said: a value said to be good must be true."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from protocols.messages import Telemetry
from sim_hardware.fault_script import FaultEvent, FaultScript
from sim_hardware.faults import Word
from tests.scenarios.stage import Stage, Step

SAMPLE_S: Final = 0.25
# A reading is asked for, then taken: what flowed a step before or behind may be seen.
AROUND_S: Final = 1.0


@dataclass
class Truth:
    """Samples of the power at each terminal, from when `watched` was called."""

    at_s: list[float] = field(default_factory=list)
    power_w: list[dict[str, float]] = field(default_factory=list)

    def watched(self, stage: Stage) -> None:
        """A step of a film: sample until it ends."""
        stage.beside(self._sample(stage), "truth")

    async def _sample(self, stage: Stage) -> None:
        while True:
            self.at_s.append(asyncio.get_running_loop().time())
            self.power_w.append({name: terminal.total_w for name, terminal in stage.home.terminals.items()})
            await asyncio.sleep(SAMPLE_S)

    def lies(
        self, stage: Stage, device: str, share: float = 0.0, unless: Callable[[float, Telemetry], bool] | None = None
    ) -> list[str]:
        """Each reading said to be good whose power did not flow; `share` of it and 5 W are let pass."""
        return [
            f"at {came_s:.2f} s {device} said {said_w:.0f} W"
            for came_s, reading in stage.head_end.telemetry(device)
            if not (unless and unless(came_s, reading))
            if reading.quality == "good" and (said_w := reading.values.get("power_w")) is not None
            if not self._flowed(device, self._measured_s(came_s, reading), said_w, 5.0 + share * abs(said_w))
        ]

    @staticmethod
    def _measured_s(came_s: float, reading: Telemetry) -> float:
        # Both labels carry the same error of the wall clock.
        asked, answered = (float(label[17:-1]) for label in (reading.measured_at, reading.received_at))
        return came_s - (answered - asked) % 60.0

    def _flowed(self, device: str, at_s: float, said_w: float, within_w: float) -> bool:
        first = max(0, int((at_s - AROUND_S - self.at_s[0]) / SAMPLE_S))
        last = int((at_s + AROUND_S - self.at_s[0]) / SAMPLE_S) + 2
        near_w = [sample[device] for sample in self.power_w[first:last]]
        return not near_w or min(near_w) - within_w <= said_w <= max(near_w) + within_w


def goes_wrong(*events: FaultEvent) -> Step:
    """These faults come and go by the clock of the film."""
    script = FaultScript(tuple(sorted(events, key=lambda event: event.at_s)))
    return lambda stage: stage.beside(script.play(stage.home.faults, 0.0), "faults")


def struck(device: str, word: Word) -> Step:
    """The fault has met at least one request."""

    def step(stage: Stage) -> None:
        assert stage.home.faults[device].seen[word] > 0, f"{word} never struck {device}"

    return step
