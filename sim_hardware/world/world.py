"""A world: weather, homes with their devices, and the network they hang on, in steps of one length.

Nothing here takes a clock: `after(dt_s)` is the only way on. Everything is drawn from one seed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from sim_hardware.faults import Faults
from sim_hardware.physics.solar import Plane
from sim_hardware.world.block import GRID, LOAD, PV, Block
from sim_hardware.world.config import WorldConfig, devices_of
from sim_hardware.world.devices import Around, Builder, HomeDevices
from sim_hardware.world.networked import Networked, supply_of
from sim_hardware.world.parts import HomePart
from sim_hardware.world.plan import HomePlan, planned
from sim_hardware.world.views import Meters
from sim_hardware.world.weather import Weather


class World:
    """`homes` by name, `faults` by device (`home-1/pv`), `meters` with the state of every terminal.

    `plans` are the homes of this process, in any order; `seed` replaces that of the file.
    """

    def __init__(self, config: WorldConfig, plans: Sequence[HomePlan] | None = None, seed: int | None = None) -> None:
        if seed is not None:
            config = config.model_copy(update={"world": config.world.model_copy(update={"seed": seed})})
        self.config, self.seed = config, config.world.seed
        self.step_s, self._owed_s, self._steps = config.world.step_s, 0.0, 0
        given = planned(config) if plans is None else plans
        self.plans = sorted(given, key=lambda plan: (plan.block, plan.copy, plan.number))
        self.meters = Meters(4, len(self.plans))
        self.supply = supply_of(config, self.plans)
        self.blocks = list(self._built_blocks())
        planes = [block.plane or Plane() for block in self.blocks]
        self.weather = Weather(self.seed, config.weather, config.world.start, planes)
        self.homes = {devices.name: devices for devices in self._built_devices()}
        self._parts = {plan.name: config.home[plan.block] for plan in self.plans}
        self.faults = {
            f"{name}/{device}": Faults(seed=self.seed, name=f"{name}/{device}")
            for name, part in self._parts.items()
            for device in devices_of(part)
        }
        self.stations = self.supply.stations if isinstance(self.supply, Networked) else None
        if self.stations is not None:
            self.faults |= self.stations.faults
        self._timed = [image for home in self.homes.values() for image in home.timed]
        self._moving = [box for home in self.homes.values() for box in home.moving]
        self._contacts = [home.contacts for home in self.homes.values() if home.contacts is not None]
        self._ders = [home.der for home in self.homes.values() if home.der is not None]
        self._pushes = [home.push for home in self.homes.values() if home.push is not None]
        self._plugs = [(row, home.plug) for row, home in enumerate(self.homes.values()) if home.plug is not None]

    def part_of(self, home: str) -> HomePart:
        """What the file says of a home."""
        return self._parts[home]

    @property
    def drawn_w(self) -> float:
        """What the world takes from the grid above, losses of its network included; negative where it gives."""
        if isinstance(self.supply, Networked):
            return self.supply.drawn_w
        return float(self.meters.power[0, GRID].sum())

    def _outdoor_c(self) -> float:
        return self.weather.outdoor_c

    def utc(self) -> datetime:
        """The wall time in the world."""
        return self.config.world.start + timedelta(seconds=self._steps * self.step_s)

    def after(self, dt_s: float) -> None:
        """Let time pass, in whole steps; what is left over is owed."""
        self._owed_s += dt_s
        while self._owed_s >= self.step_s - 1e-9:
            self._owed_s -= self.step_s
            self._step()

    def _built_blocks(self) -> Sequence[Block]:
        blocks, first = [], 0
        for index, part in enumerate(self.config.home):
            names = [plan.name for plan in self.plans if plan.block == index]
            if not names:
                continue
            rows = slice(first, first + len(names))
            blocks.append(Block(part, names, rows, self.config.world, self.meters))
            first += len(names)
        return blocks

    def _built_devices(self) -> Sequence[HomeDevices]:
        devices = []
        for index, block in enumerate(self.blocks):
            around = Around(self.meters, self.seed, self.utc, partial(self.weather.light_w_m2, index), self._outdoor_c)
            rows = range(len(block.names))
            devices += [Builder(block, row, block.rows.start + row, around).build() for row in rows]
        return devices

    def _step(self) -> None:
        dt_s, meters = self.step_s, self.meters
        for image in self._timed:
            image.after(dt_s)
        for box in self._moving:
            box.after(dt_s)
        for contacts in self._contacts:
            contacts.after(dt_s)
        self.weather.after(dt_s)
        outdoor_c = self.weather.outdoor_c
        for index, block in enumerate(self.blocks):
            block.after(outdoor_c, self.weather.light_w_m2(index), meters.voltage_v[block.rows])
        self._step_ders(dt_s)
        for row, plug in self._plugs:
            plug.after(dt_s)
            meters.power[0, LOAD, row, 0] += plug.power_w
        np.add.reduce(meters.power[:, LOAD:], axis=1, out=meters.power[:, GRID])
        self.supply.after(dt_s, *meters.power[:, GRID])
        meters.voltage_v, meters.frequency_hz = self.supply.voltage_v, self.supply.frequency_hz
        meters.count(dt_s)
        self._steps += 1
        for push in self._pushes:
            push.after(dt_s)

    def _step_ders(self, dt_s: float) -> None:
        """Inverters that act on voltage and frequency by themselves, one by one."""
        meters = self.meters
        for der in self._ders:
            der.terminal.voltage_v, der.terminal.frequency_hz = meters.phases_v(der.home), meters.frequency_hz
            der.plant.after(dt_s)
            meters.power[0, PV, der.home] = der.plant.power_w / 3.0
            meters.power[1, PV, der.home] = der.plant.reactive_var / 3.0
