"""A measuring of 200 ms windows by plain means, for tests of what stands around the real one."""

import numpy as np

from firmware_py.meter.measure import Found, Rest, Window
from protocols.samples import Samples


class PlainMeasuring:
    """RMS and mean power of every so many samples."""

    def __init__(self, fs_hz: float) -> None:
        self._length, self._fs_hz = round(fs_hz / 5), fs_hz
        self._kept = np.zeros((0, 0))
        self._begin = 0

    def feed(self, block: Samples) -> list[Found]:
        kept = np.concatenate([self._kept, block], axis=1) if self._kept.size else block
        found: list[Found] = []
        while kept.shape[1] >= self._length:
            x, kept = kept[:, : self._length], kept[:, self._length :]
            power = (x[:3] * x[3:6]).mean(axis=1)
            values: dict[str, float | None] = {f"power_l{n + 1}_w": float(power[n]) for n in range(3)}
            values |= {f"voltage_l{n + 1}_v": float(np.sqrt((x[n] ** 2).mean())) for n in range(3)}
            values |= {"power_w": float(power.sum()), "reactive_power_var": 0.0}
            active_j = float(power.sum()) * self._length / self._fs_hz
            found.append(Window(self._begin, self._begin + self._length, values, active_j, 0.0))
            self._begin += self._length
        self._kept = kept
        return found

    def before(self) -> Rest | None:
        return None

    def after(self) -> Rest | None:
        return None
