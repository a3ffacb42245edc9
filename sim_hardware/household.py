"""What a home is warm by and what its relays switch: a house, a heat pump, an air conditioner, a tank, a pool pump.

Contacts of the board, closed = asked for: 0 and 1 are the heat pump's SG-Ready terminals, 2 lets the tank's element heat, 3
lets the air conditioner run, 4 is the pool pump, 5 an electric heater. Each machine but the last has a thermostat of its own
behind its contact, as real ones have: the pump keeps its setpoint, the tank's cut-out opens above what anybody asks for.
Channels of the thermometer board: 0 the room, 1 the tank (in the middle: the mean of its halves), 2 outside.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from sim_hardware.devices.r4dcb08 import R4dcb08
from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.sg_ready import RAISED_K, SgReady, SgState
from sim_hardware.physics.check import within
from sim_hardware.physics.climate import Climate, Outdoors
from sim_hardware.physics.terminal import Phases, Terminal, balanced
from sim_hardware.physics.thermal.air_conditioner import AirConditioner, AirConditionerParams
from sim_hardware.physics.thermal.heat_pump import HeatPump, HeatPumpParams
from sim_hardware.physics.thermal.house import TERRACE, House, HouseParams
from sim_hardware.physics.thermal.taps import Taps
from sim_hardware.physics.thermal.water_heater import WaterHeater, WaterHeaterParams

SG_FIRST, SG_SECOND, WATER, COOLING, POOL, HEATING = range(6)  # contacts
ROOM, TANK, OUTSIDE = range(3)  # channels
# One wire each, of the three: heat pump and heater are on all of them.
PHASE: Final = {"water_heater": 2, "air_conditioner": 1, "pool_pump": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comfort:
    """What there is (None: not there), how warm it is at the start, and what the machines' own thermostats keep.

    `window_m2`: what of the sun on a level square metre comes in; `gain_w`: people and what they run. Half of either warms
    the air, half what stands in it. `house_c`: air and mass; `pool_pump_w`: any appliance with a switch of its own.
    """

    house: HouseParams = TERRACE
    heat_pump: HeatPumpParams | None = HeatPumpParams()
    air_conditioner: AirConditionerParams | None = AirConditionerParams()
    water_heater: WaterHeaterParams | None = WaterHeaterParams()
    pool_pump_w: float | None = 750.0
    heater_w: float | None = None
    climate: Climate = Climate()
    house_c: float = 20.5
    tank_c: float = 50.0
    heating_c: float = 20.5
    cooling_c: float = 22.0
    cut_out_c: float = 75.0
    window_m2: float = 2.0
    gain_w: float = 250.0

    def __post_init__(self) -> None:
        for field in ("window_m2", "gain_w"):
            within(f"comfort: {field}", getattr(self, field), 0.0)


class Household:
    """The parts by name (`house`, `heat_pump`, `air_conditioner`, `water_heater`, `taps`, `outdoors`), `thermometers`."""

    def __init__(self, seed: int, comfort: Comfort, board: RelayBoard, day_s: float) -> None:
        self.comfort, self.board, self.sg_ready = comfort, board, SgReady()
        self.outdoors = Outdoors(Random(f"{seed} outdoors"), comfort.climate, day_s)
        self.house = House(comfort.house, air_c=comfort.house_c)
        self.heat_pump = _pump(comfort)
        self.air_conditioner = _cooler(comfort)
        self.water_heater = _tank(comfort)
        self.taps = Taps(Random(f"{seed} taps"))
        has = {
            "heat_pump": self.heat_pump,
            "air_conditioner": self.air_conditioner,
            "water_heater": self.water_heater,
            "pool_pump": comfort.pool_pump_w,
            "heater": comfort.heater_w,
        }
        self.terminals = {name: Terminal() for name, part in has.items() if part is not None}
        self.thermometers = R4dcb08()
        self._feel()

    @property
    def room_c(self) -> float:
        """The air's temperature, truly."""
        return self.house.air_c

    @property
    def tank_c(self) -> float:
        """The water's mean temperature, truly."""
        assert self.water_heater is not None, "this home has no tank"
        return 0.5 * (self.water_heater.upper_c + self.water_heater.lower_c)

    def after(self, dt_s: float, irradiance_w_m2: float) -> None:
        """Weather, machines on what they find, then the temperatures that come of it."""
        self.outdoors.after(dt_s)
        relays = self.board.relays
        self.sg_ready.after(dt_s, relays[SG_FIRST], relays[SG_SECOND])
        heat_w = self._heat(dt_s) + self._cool(dt_s) + self._glow()
        gains_w = self.comfort.gain_w + self.comfort.window_m2 * irradiance_w_m2
        self.house.outdoor_c = self.outdoors.temperature_c
        self.house.air_gain_w, self.house.mass_gain_w = heat_w + 0.5 * gains_w, 0.5 * gains_w
        self.house.after(dt_s)
        self._water(dt_s)
        if self.comfort.pool_pump_w is not None:
            self._draw("pool_pump", self.comfort.pool_pump_w * relays[POOL])
        self._feel()

    def _heat(self, dt_s: float) -> float:
        """What the heat pump brings in."""
        pump, state = self.heat_pump, self.sg_ready.state
        if pump is None:
            return 0.0
        pump.setpoint_c = self.comfort.heating_c + RAISED_K[state]
        pump.most_power_w = 0.0 if state is SgState.BLOCKED else None
        pump.after(dt_s, self.house.air_c, self.outdoors.temperature_c)
        self._draw("heat_pump", pump.power_w)
        return pump.heat_w

    def _cool(self, dt_s: float) -> float:
        """What the air conditioner brings in: nothing or less."""
        cooler = self.air_conditioner
        if cooler is None:
            return 0.0
        cooler.is_blocked = not self.board.relays[COOLING]
        cooler.after(dt_s, self.house.air_c, self.outdoors.temperature_c)
        self._draw("air_conditioner", cooler.power_w)
        return cooler.heat_w

    def _glow(self) -> float:
        """What the electric heater brings in."""
        if self.comfort.heater_w is None:
            return 0.0
        power_w = self.comfort.heater_w * self.board.relays[HEATING]
        self._draw("heater", power_w)
        return power_w

    def _water(self, dt_s: float) -> None:
        tank = self.water_heater
        if tank is None:
            return
        self.taps.after(dt_s)
        tank.draw_l_per_s, tank.room_c = self.taps.draw_l_per_s, self.house.air_c
        tank.is_blocked = not self.board.relays[WATER]
        tank.after(dt_s)
        self._draw("water_heater", tank.power_w)

    def _draw(self, name: str, power_w: float) -> None:
        self.terminals[name].power_w = balanced(power_w) if name not in PHASE else _alone(power_w, PHASE[name])

    def _feel(self) -> None:
        """Bring the temperatures to the probes."""
        felt_c = self.thermometers.temperatures_c
        felt_c[ROOM], felt_c[OUTSIDE] = self.room_c, self.outdoors.temperature_c
        felt_c[TANK] = None if self.water_heater is None else self.tank_c


def _pump(comfort: Comfort) -> HeatPump | None:
    params = comfort.heat_pump
    return None if params is None else HeatPump(params, setpoint_c=comfort.heating_c)


def _cooler(comfort: Comfort) -> AirConditioner | None:
    params = comfort.air_conditioner
    return None if params is None else AirConditioner(params, setpoint_c=comfort.cooling_c)


def _tank(comfort: Comfort) -> WaterHeater | None:
    params = comfort.water_heater
    return None if params is None else WaterHeater(params, water_c=comfort.tank_c, setpoint_c=comfort.cut_out_c)


def _alone(power_w: float, phase: int) -> Phases:
    one, two, three = (power_w if phase == index else 0.0 for index in range(3))
    return one, two, three
