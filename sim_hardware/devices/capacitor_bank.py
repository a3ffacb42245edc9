"""A capacitor bank: equal steps on contactors, each of which must discharge before it is switched in again.

Map:    our own, no vendor's (own_map.py).
Sign:   reactive power is positive when absorbed, so that of a capacitor is negative; it goes with the voltage squared.
Time:   IEC 60831-1 is quoted with 3 minutes to 75 V; the standard was not at hand: unverified.
"""

from typing import Final

from protocols.registers import Shape
from sim_hardware.devices.image import Nature
from sim_hardware.devices.own_map import OwnMap, Register

IDENTITY: Final = 0x4342  # "CB"
DISCHARGE_S: Final = 180.0
NOMINAL_V: Final = 230.0
STEPS_MOST: Final = 32


class CapacitorBank(OwnMap):
    """The controller's registers; physics takes `reactive_var` and sets `voltage_v`. `clock_s`: seconds since 1970."""

    def __init__(
        self, *, steps: int = 6, step_var: float = 25_000.0, discharge_s: float = DISCHARGE_S, clock_s: float = 0.0
    ) -> None:
        if not (1 <= steps <= STEPS_MOST and step_var > 0.0 and discharge_s >= 0.0):
            raise ValueError(
                f"capacitor bank: {steps} steps of {step_var:g} var, {discharge_s:g} s; 1 to {STEPS_MOST}, above 0"
            )
        self.voltage_v = NOMINAL_V
        self.wanted, self.operations = 0, 0
        self._step_var, self._discharge_s, self._clock_s = step_var, discharge_s, clock_s
        self._is_in = [False] * steps
        self._rest_s = [0.0] * steps
        super().__init__()

    def registers(self) -> list[Register]:
        """The map."""
        setting, steps = Nature.SETTING, len(self._is_in)
        return [
            Register(0, Shape.U16, setting, lambda: IDENTITY),
            Register(1, Shape.U16, setting, lambda: steps),
            Register(2, Shape.U16, setting, lambda: self.steps_in),
            Register(3, Shape.U32, setting, lambda: self._step_var),
            Register(5, Shape.S32, Nature.FLOW, lambda: self.reactive_var),
            Register(7, Shape.U16, Nature.LEVEL, lambda: 10.0 * self.voltage_v),  # 0.1 V
            Register(8, Shape.U16, setting, lambda: self.wait_s),  # seconds until the next step may come in
            Register(9, Shape.U32, Nature.COUNT, lambda: self.operations),
            Register(11, Shape.U32, Nature.CLOCK, lambda: self._clock_s),
            Register(13, Shape.U16, setting, lambda: self.wanted, self._order, (0, steps)),
        ]

    @property
    def steps_in(self) -> int:
        """How many steps are on the bus bar."""
        return sum(self._is_in)

    @property
    def reactive_var(self) -> float:
        """What the bank absorbs: never positive."""
        return -self.steps_in * self._step_var * (self.voltage_v / NOMINAL_V) ** 2

    @property
    def wait_s(self) -> float:
        """Until the next step is discharged; 0 where one is ready, or all are in."""
        return min((rest for is_in, rest in zip(self._is_in, self._rest_s, strict=True) if not is_in), default=0.0)

    def after(self, dt_s: float) -> None:
        """Let steps discharge; then switch in what is wanted and ready."""
        self._clock_s += dt_s
        self._rest_s = [max(0.0, rest - dt_s) for rest in self._rest_s]
        self._switch()

    def restart(self) -> None:
        """The contactors drop out."""
        self._order(0)

    def _order(self, steps: int) -> None:
        self.wanted = steps
        self._switch()

    def _switch(self) -> None:
        for step, is_in in enumerate(self._is_in):
            if is_in and self.steps_in > self.wanted:
                self._is_in[step], self._rest_s[step] = False, self._discharge_s
                self.operations += 1
            elif not is_in and self.steps_in < self.wanted and self._rest_s[step] <= 0.0:
                self._is_in[step] = True
                self.operations += 1
