"""The relay board of a home: contacts 0 and 1 are the heat pump's SG-Ready terminals, 2 blocks or enables the water heater,
3 lets the air conditioner run, 4 is the pool pump.

SG-Ready: blocked = off, encouraged and ordered = above the setpoint (sg_ready.py).
"""

import numpy as np

from sim_hardware.devices.relay_board import RelayBoard
from sim_hardware.devices.sg_ready import RAISED_K, SgReady, SgState
from sim_hardware.household import COOLING, POOL, SG_FIRST, SG_SECOND, WATER
from sim_hardware.world.block import Block


class Contacts:
    """Brings what the contacts say to the machines behind them."""

    def __init__(self, board: RelayBoard, block: Block, row: int) -> None:
        self.board, self.sg_ready = board, SgReady()
        self._block, self._row = block, row
        self._state = SgState.NORMAL
        heater = block.part.water_heater
        self._enables = heater is not None and heater.relay and heater.enables
        self._is_blocked = self._enables
        if self._is_blocked:
            self._block_water()

    def after(self, dt_s: float) -> None:
        """Let the board's watchdog and the terminals' times run."""
        self.board.after(dt_s)
        relays, part = self.board.relays, self._block.part
        if part.heat_pump is not None and part.heat_pump.sg_ready:
            self.sg_ready.after(dt_s, relays[SG_FIRST], relays[SG_SECOND])
            if self.sg_ready.state is not self._state:
                self._state = self.sg_ready.state
                self._heat(part.heat_pump.setpoint_c)
        if part.water_heater is not None and part.water_heater.relay:
            self._water(blocked=relays[WATER] != self._enables)
        if part.air_conditioner is not None and part.air_conditioner.relay and self._block.heating is not None:
            self._block.heating.coolers[self._row].is_blocked = not relays[COOLING]
        if part.pool_pump is not None:
            self._block.pool_w[self._row] = part.pool_pump.power_w * relays[POOL]

    def _water(self, *, blocked: bool) -> None:
        if blocked != self._is_blocked:
            self._is_blocked = blocked
            self._block_water()

    def _heat(self, setpoint_c: float) -> None:
        assert self._block.heating is not None
        pumps, row = self._block.heating.pumps, self._row
        if pumps.most_power_w is None:
            pumps.most_power_w = np.full(len(self._block.names), np.inf)
        assert isinstance(pumps.most_power_w, np.ndarray)
        pumps.most_power_w[row] = 0.0 if self._state is SgState.BLOCKED else np.inf
        self._block.heating.setpoints_c[row] = setpoint_c + RAISED_K[self._state]
        pumps.set(self._block.heating.setpoints_c)

    def _block_water(self) -> None:
        assert self._block.tanks is not None
        heaters = self._block.tanks.heaters
        if heaters.is_blocked is None:
            heaters.is_blocked = np.zeros(len(self._block.names), dtype=np.bool_)
        heaters.is_blocked[self._row] = self._is_blocked
