"""An on-load tap changer with a motor drive: it moves one step at a time, and each takes its time.

Map:    our own, no vendor's (own_map.py).
Sign:   a higher position gives a higher voltage on the secondary side: ratio = 1 + position x step.
Motor:  a step once begun is always finished, also through a reboot; a new order while it moves is refused as busy (6).
        In local mode (the switch on the box) nothing can be written (2).
"""

from typing import Final

from protocols.registers import Shape
from sim_hardware.devices.image import IllegalAddress, ModbusRefusal, Nature
from sim_hardware.devices.own_map import OwnMap, Register

IDENTITY: Final = 0x5443  # "TC"
BUSY: Final = 6
# A typical motor drive takes 3 to 10 s for a step.
STEP_TIME_S: Final = 5.0
IS_MOVING, IS_LOWEST, IS_HIGHEST = 1, 2, 4


class TapChanger(OwnMap):
    """The drive's registers; physics takes `ratio` and may set `voltage_v`. `clock_s`: seconds since 1970."""

    def __init__(
        self,
        *,
        lowest: int = -8,
        highest: int = 8,
        step_percent: float = 1.25,
        step_time_s: float = STEP_TIME_S,
        clock_s: float = 0.0,
    ) -> None:
        if not -100 <= lowest <= 0 <= highest <= 100 or lowest == highest:
            raise ValueError(f"tap changer from {lowest} to {highest}: -100 to 0 and 0 to 100, not both 0")
        if not (0.0 < step_percent <= 10.0 and step_time_s > 0.0):
            raise ValueError(
                f"tap changer: {step_percent:g} % in {step_time_s:g} s; up to 10 % and above 0 s are allowed"
            )
        self.lowest, self.highest = lowest, highest
        self.position, self.wanted, self.operations = 0, 0, 0
        self.is_remote = True
        self.voltage_v = 230.0
        self._step_percent, self._step_time_s, self._clock_s = step_percent, step_time_s, clock_s
        self._moving_to: int | None = None
        self._left_s = 0.0
        super().__init__()

    def registers(self) -> list[Register]:
        """The map."""
        setting, bounds = Nature.SETTING, (self.lowest, self.highest)
        return [
            Register(0, Shape.U16, setting, lambda: IDENTITY),
            Register(1, Shape.S16, setting, lambda: self.position),
            Register(2, Shape.S16, setting, lambda: self.lowest),
            Register(3, Shape.S16, setting, lambda: self.highest),
            Register(4, Shape.U16, setting, lambda: 100.0 * self._step_percent),  # 0.01 %
            Register(5, Shape.U16, setting, self._status),
            Register(6, Shape.U32, Nature.COUNT, lambda: self.operations),
            Register(8, Shape.U32, Nature.CLOCK, lambda: self._clock_s),
            Register(10, Shape.U16, Nature.LEVEL, lambda: 10.0 * self.voltage_v),  # 0.1 V
            Register(11, Shape.U16, setting, lambda: self.is_remote),
            Register(12, Shape.S16, setting, lambda: self.wanted, self._go_to, bounds),
            Register(13, Shape.S16, setting, lambda: 0, self._nudge, (-1, 1)),  # one step down or up
        ]

    @property
    def ratio(self) -> float:
        """Secondary voltage over that in the middle position."""
        return 1.0 + self.position * self._step_percent / 100.0

    @property
    def is_moving(self) -> bool:
        """Whether the motor runs."""
        return self._moving_to is not None

    def after(self, dt_s: float) -> None:
        """Let the motor run."""
        self._clock_s += dt_s
        while dt_s > 0.0 and (self.is_moving or self.wanted != self.position):
            if self._moving_to is None:
                self._moving_to = self.position + (1 if self.wanted > self.position else -1)
                self._left_s = self._step_time_s
            ran_s = min(dt_s, self._left_s)
            self._left_s -= ran_s
            dt_s -= ran_s
            if self._left_s <= 1e-9:
                self.position, self._moving_to = self._moving_to, None
                self.operations += 1

    def restart(self) -> None:
        """The order is forgotten; the step that has begun is finished."""
        self.wanted = self.position if self._moving_to is None else self._moving_to

    def _go_to(self, position: int) -> None:
        self._insist_on_remote()
        self.wanted = position

    def _nudge(self, direction: int) -> None:
        self._insist_on_remote()
        self.wanted = min(self.highest, max(self.lowest, self.position + direction))

    def _insist_on_remote(self) -> None:
        if not self.is_remote:
            raise IllegalAddress("tap changer: the switch on the box stands on local")
        if self.is_moving:
            raise ModbusRefusal(BUSY, "tap changer: the motor runs")

    def _status(self) -> int:
        at_end = IS_LOWEST * (self.position == self.lowest) | IS_HIGHEST * (self.position == self.highest)
        return IS_MOVING * self.is_moving | at_end
