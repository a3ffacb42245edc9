"""The functions together, in the order of OpenDER's der.py: service, active power, reactive power, capability, current."""

from random import Random

from sim_hardware.physics.der.active import ActivePower
from sim_hardware.physics.der.capability import limited, within_current
from sim_hardware.physics.der.reactive import Mode, ReactivePower, mode_of
from sim_hardware.physics.der.service import Cause, Service, State, Supply
from sim_hardware.physics.der.settings import Settings


class DerFunctions:
    """The autonomous part of one inverter; it starts in service and sees only what `after` is told.

    `random` draws the delay before entering service. `power_w` and `reactive_var` are injected.
    """

    def __init__(self, random: Random) -> None:
        self._service = Service(random)
        self._active, self._reactive = ActivePower(), ReactivePower()
        self.power_w, self.reactive_var = 0.0, 0.0
        self._started = False

    @property
    def state(self) -> State:
        """What the inverter does as a whole."""
        return self._service.state

    @property
    def cause(self) -> Cause | None:
        """Why it tripped last."""
        return self._service.cause

    @property
    def mode(self) -> Mode | None:
        """Which function sets the reactive power; None before the first step."""
        return self._reactive.mode

    @property
    def wait_s(self) -> float:
        """How long until it enters service if the grid stays good."""
        return self._service.wait_s

    @property
    def reference_pu(self) -> float:
        """Where volt-var's reference stands if it follows the voltage."""
        return self._reactive.volt_var.followed_pu

    def after(self, dt_s: float, settings: Settings, available_w: float, supply: Supply) -> tuple[float, float]:
        """Watts and var injected after this step, in which the grid looked so and this power was to be had."""
        state = self._service.after(dt_s, supply, settings.enter, settings.trips)
        available_pu = available_w / settings.ratings.power_w
        if state is State.TRIPPED:
            self._active.reset()
            self._reactive.reset()
            self.power_w, self.reactive_var = 0.0, 0.0
        else:
            self.power_w, self.reactive_var = self._feed(dt_s, settings, available_pu, supply)
        self._started = True
        return self.power_w, self.reactive_var

    def _feed(self, dt_s: float, settings: Settings, available_pu: float, supply: Supply) -> tuple[float, float]:
        # The first step has no last one: it begins with what is available.
        output_pu = self.power_w / settings.ratings.power_w if self._started else available_pu
        ramp_pu = self._service.ramp_pu
        power_pu = self._active.after(dt_s, settings, supply, self.state, ramp_pu, available_pu, output_pu)
        reactive_pu = self._reactive.after(dt_s, settings, supply, power_pu)
        if self.state is State.CEASED:
            return 0.0, 0.0
        powers = limited(settings, mode_of(settings), power_pu, reactive_pu)
        return within_current(settings.ratings, powers, supply.mean_pu)
