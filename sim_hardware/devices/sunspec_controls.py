"""The reversion timer of a SunSpec control: it falls back by itself when its master falls silent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sim_hardware.devices.sunspec import Block

ROUNDING_S: Final = 1e-6  # steps of 0.1 s do not add up exactly


@dataclass(slots=True)
class ReversionTimer:
    """Counts one control of one block down and then puts its fallback in force; the registers are its state.

    Started anew by every accepted write of the enable flag, of the setpoint or of the time while the control is enabled
    (SunSpec's model files do not say which of the three restarts it; devices differ). A time of 0: no reversion.
    `values` are the setpoints, each with the point it falls back to. Without `enable_revert` the control is disabled.
    """

    block: Block
    enable: str
    time: str
    values: Mapping[str, str | None]
    enable_revert: str | None = None
    remaining: str | None = None
    left_s: float = field(default=0.0, init=False)

    def touched(self, names: frozenset[str]) -> None:
        """These points were written."""
        if not names.isdisjoint((self.enable, self.time, *self.values)):
            self.left_s = self.block.get(self.time) if self.block.get(self.enable) else 0.0
            self.show()

    def after(self, dt_s: float) -> bool:
        """Count down; at zero fall back, and say so."""
        if self.left_s <= 0.0:
            return False
        self.left_s -= dt_s
        if self.left_s > ROUNDING_S:
            return False
        self.left_s = 0.0
        self._revert()
        return True

    def _revert(self) -> None:
        for value, fallback in self.values.items():
            if fallback:
                self.block.put(**{value: self.block.get(fallback)})
        self.block.put(**{self.enable: self.block.get(self.enable_revert) if self.enable_revert else 0})

    def show(self) -> None:
        """Bring the register with the remaining seconds up to date."""
        if self.remaining:
            self.block.put(**{self.remaining: math.ceil(self.left_s - ROUNDING_S)})
