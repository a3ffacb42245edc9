"""The homes of one `[[home]]` block, all copies together: their parts as arrays, one row a home.

Every home draws from generators of its own, so that it is the same among few and among many.
"""

from collections.abc import Sequence
from random import Random

import numpy as np

from sim_hardware.physics.ev import EvParams, commuter
from sim_hardware.physics.load import DAY_S
from sim_hardware.physics.solar import Plane
from sim_hardware.physics.thermal.air_conditioner import AirConditioner, AirConditionerParams
from sim_hardware.physics.thermal.heat_pump import HeatPumpParams
from sim_hardware.physics.thermal.taps import DRAW, DRAW_L_PER_S
from sim_hardware.physics.vector import Floats
from sim_hardware.physics.vector.electric import Batteries, Evs, PvPlants
from sim_hardware.physics.vector.heat import HeatPumps, Houses, WaterHeaters
from sim_hardware.world.base_load import base_load, turned
from sim_hardware.world.parts import AirConditionerPart, EvPart, HomePart, HousePart, WaterHeaterPart, WorldPart
from sim_hardware.world.plan import drawer
from sim_hardware.world.switching import Switching
from sim_hardware.world.views import Meters

GRID, LOAD, PV, BATTERY = range(4)  # the places of a home that are told apart
PLACES = {"grid": GRID, "load": LOAD, "pv": PV, "battery": BATTERY}


class Block:
    """`power_w` and `reactive_var` (places x homes x 3) are views into the world's arrays, at `rows`."""

    def __init__(self, part: HomePart, names: Sequence[str], rows: slice, world: WorldPart, meters: Meters) -> None:
        self.part, self.names, self.rows = part, list(names), rows
        self.power_w, self.reactive_var = meters.power[0, :, rows], meters.power[1, :, rows]
        self.seed, self.dt_s = world.seed, world.step_s
        start = world.start
        self._sizes = np.array([self._size(name) for name in names])
        self.turns = [self._random(name, "phase").randrange(3) for name in names]
        day_s = (start - start.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
        self._load = base_load(part.load, start, self._sizes, self.turns, self._randoms("load"))
        self.plants = self._plants()
        self.batteries = self._batteries()
        self.cars = Cars(part.ev, self, day_s) if part.ev is not None else None
        self.heating = _Heating(part, self) if part.heat_pump is not None else None
        self.tanks = _Tanks(part.water_heater, self) if part.water_heater is not None else None
        self.pool_w = np.zeros(len(names))  # what runs behind its contact, by home
        self._one_phase = np.array([turned((1.0, 0.0, 0.0), turn) for turn in self.turns])

    @property
    def plane(self) -> Plane | None:
        """Where its modules look; None without any."""
        pv = self.part.pv
        return Plane(pv.tilt_deg, pv.azimuth_deg) if pv is not None else None

    def sized(self, value: float) -> Floats:
        """A size of each home."""
        return value * self._sizes

    def _size(self, name: str) -> float:
        return 1.0 + self.part.spread * self._random(name, "size").uniform(-1.0, 1.0)

    def _random(self, name: str, what: str) -> Random:
        return drawer(self.seed, name, what)

    def _randoms(self, what: str) -> list[Random]:
        return [self._random(name, what) for name in self.names]

    def _plants(self) -> PvPlants | None:
        pv = self.part.pv
        if pv is None or pv.inverter == "7xx":
            return None
        plants = PvPlants(
            len(self.names), self.dt_s, peak_w=self.sized(pv.peak_w), rating_w=self.sized(pv.rating_w), lag_s=pv.lag_s
        )
        plants.limit_w = self.sized(pv.rating_w)
        return plants

    def _batteries(self) -> Batteries | None:
        it = self.part.battery
        if it is None:
            return None
        return Batteries(
            len(self.names),
            self.dt_s,
            capacity_wh=self.sized(it.capacity_wh),
            rating_w=self.sized(it.rating_w),
            round_trip=it.round_trip,
            soc=it.soc_percent / 100.0,
            lag_s=it.lag_s,
        )

    def after(self, outdoor_c: float, light_w_m2: float, voltage_v: Floats) -> None:
        """One step; the powers of all places but the connection point."""
        load_w = self.power_w[LOAD]
        self._load.after(self.dt_s, load_w, self.reactive_var[LOAD])
        if self.heating is not None:
            load_w += self.heating.after(outdoor_c)[:, None] / 3.0
        if self.tanks is not None:
            load_w += self.tanks.after(self.dt_s)[:, None] * self.tanks.phases
        if self.cars is not None:
            load_w += self.cars.after(self.dt_s, voltage_v)[:, None] * self.cars.phases
        if self.part.pool_pump is not None:
            load_w += self.pool_w[:, None] * self._one_phase
        if self.plants is not None:
            self.plants.after(light_w_m2)
            self.power_w[PV] = self.plants.power_w[:, None] / 3.0
        if self.batteries is not None:
            self.batteries.after()
            self.power_w[BATTERY] = self.batteries.power_w[:, None] / 3.0


class Cars:
    """Commuters' cars, each with a new trip every day; `charged_wh` is what each has taken so far."""

    def __init__(self, part: EvPart, block: Block, day_s: float) -> None:
        self._randoms, self._day_s = [drawer(block.seed, name, "car") for name in block.names], day_s
        params = EvParams(capacity_wh=part.capacity_wh, phases=part.phases, most_a=part.most_a)
        one = (1.0, 0.0, 0.0) if part.phases == 1 else (1 / 3, 1 / 3, 1 / 3)
        self.phases = np.array([turned(one, turn) for turn in block.turns])
        leave_s, arrive_s, energy_wh = self._trips()
        self.evs = Evs(
            len(block.names),
            block.dt_s,
            params=params,
            leave_s=leave_s,
            arrive_s=arrive_s,
            energy_wh=energy_wh,
            day_s=day_s,
            soc=part.soc_percent / 100.0,
        )
        self.charged_wh = np.zeros(len(block.names))

    def _trips(self) -> tuple[Floats, Floats, Floats]:
        trips = [commuter(random) for random in self._randoms]
        leave, arrive, energy = zip(*((trip.leave_s, trip.arrive_s, trip.energy_wh) for trip in trips), strict=True)
        return np.array(leave), np.array(arrive), np.array(energy)

    def after(self, dt_s: float, voltage_v: Floats) -> Floats:
        """One step; the power of each car."""
        self.evs.after(voltage_v.mean(axis=1))
        self.charged_wh += self.evs.power_w * (dt_s / 3600.0)
        self._day_s += dt_s
        if self._day_s >= DAY_S:
            self._day_s -= DAY_S
            self.evs.new_day(*self._trips())
        return self.evs.power_w


class _Heating:
    """Houses with their heat pumps, and air conditioners one by one: few homes have any."""

    def __init__(self, part: HomePart, block: Block) -> None:
        assert part.heat_pump is not None
        count, dt_s, pump, house = len(block.names), block.dt_s, part.heat_pump, part.house or HousePart()
        self.setpoints_c = np.full(count, pump.setpoint_c)
        self.pumps = HeatPumps(
            count,
            dt_s,
            params=HeatPumpParams(),
            heat_w=block.sized(pump.heat_w),
            cop=pump.cop,
            setpoint_c=pump.setpoint_c,
        )
        self.houses = Houses(
            count,
            dt_s,
            envelope_w_per_k=block.sized(house.envelope_w_per_k),
            air_j_per_k=block.sized(house.air_j_per_k),
            mass_j_per_k=block.sized(house.mass_j_per_k),
            coupling_w_per_k=block.sized(house.coupling_w_per_k),
            air_c=house.air_c,
        )
        self._dt_s, cooling = dt_s, part.air_conditioner
        self.coolers = [] if cooling is None else [_cooler(cooling, size) for size in block.sized(1.0)]

    def after(self, outdoor_c: float) -> Floats:
        """One step; the electrical power of each."""
        self.pumps.after(self.houses.air_c, outdoor_c)
        heat_w, power_w = self.pumps.heat_w, self.pumps.power_w
        if self.coolers:
            for cooler, air_c in zip(self.coolers, self.houses.air_c.tolist(), strict=True):
                cooler.after(self._dt_s, air_c, outdoor_c)
            heat_w = heat_w + np.array([cooler.heat_w for cooler in self.coolers])
            power_w = power_w + np.array([cooler.power_w for cooler in self.coolers])
        self.houses.after(outdoor_c, heat_w)
        return power_w


def _cooler(part: AirConditionerPart, size: float) -> AirConditioner:
    cooler = AirConditioner(
        AirConditionerParams(cooling_w=size * part.cooling_w, cop=part.cop), setpoint_c=part.setpoint_c
    )
    cooler.is_blocked = part.relay
    return cooler


class _Tanks:
    """Water heaters and those who draw from them."""

    def __init__(self, part: WaterHeaterPart, block: Block) -> None:
        self.phases = np.array([turned((0.0, 0.0, 1.0), turn) for turn in block.turns])
        self.heaters = WaterHeaters(
            len(block.names),
            block.dt_s,
            volume_l=block.sized(part.volume_l),
            loss_w_per_k=part.loss_w_per_k,
            element_w=part.element_w,
            water_c=part.setpoint_c,
            setpoint_c=part.setpoint_c,
        )
        self._drawing: set[int] = set()
        self._rows, self._draws = np.zeros(0, dtype=np.intp), np.zeros(0)
        self._switching = Switching(
            (DRAW,), [drawer(block.seed, name, "water") for name in block.names], self._switched
        )

    def _switched(self, home: int, what: int, is_on: bool) -> None:
        (self._drawing.add if is_on else self._drawing.discard)(home)
        self._rows = np.array(sorted(self._drawing), dtype=np.intp)
        self._draws = np.full(len(self._rows), DRAW_L_PER_S)

    def after(self, dt_s: float) -> Floats:
        """One step; the power of each element."""
        self._switching.after(dt_s)
        if self._rows.size:
            self.heaters.after(self._rows, self._draws)
        else:
            self.heaters.after()
        return self.heaters.power_w
