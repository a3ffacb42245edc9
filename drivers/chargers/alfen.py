"""Alfen charging stations on the NG9xx platform (Eve Single, Eve Double), one socket of them, over Modbus TCP.

Source: "Implementation of Modbus Slave TCP/IP for Alfen NG9xx platform", T. Nederlof, version 2.3 (2020-10-30), sections 1.3.1 and
        3.4, as a public transcription; the maker's own file was not read. evcc's alfen.go reads 306, 320, 344, 374, 1201
        and writes 1210 alike (it is not under evcc's free licence: its numbers are compared, nothing else).
        The maker's "Modbus for ACE, Configuration Guide" 1.0 (2025-05) is said to count from 1 and to have the low word
        first; it was not read: compare the first reading with the display.
Sign:   consumed positive, as inside; "delivered" is what the car took.
Unit:   1 is the left or only socket, 2 the right one.
Quirk:  "Allow writing maximum currents" and the licence "Active load balancing" are needed. A float is written in one request.
        The station hangs up after 60 s without a question. Phases are those of the installation, not of the grid.
Lease:  the station falls to its safe current once its validity time (60 s, set in its installer's program, by no
        register) is over; each write starts it anew, and its rest is read back. It may be longer than `valid_s`.
Left:   switching between one and three phases (1215); whether a setpoint is accounted for (1214): it takes a while.
"""

import math
import struct
from dataclasses import replace
from typing import Final

from drivers.chargers.limits import check_current, rated
from drivers.evidence import Evidence
from drivers.register_meter import MeterType, RegisterMeter
from drivers.valid import check_valid
from protocols.faults import BadReply, NotApplied
from protocols.ports import Nameplate, Plug, RegisterBus, Table
from protocols.registers import Field, RegisterMap, Shape, text

MODE_3, VALID_TIME, MAX_CURRENT = 1201, 1208, 1210
MOST_A: Final = 80.0  # what the control pilot can say; the station applies less by itself
CHARGING: Final = {"C2": Plug.CHARGING, "D2": Plug.VENTILATED}  # the contactor is closed; 1: no PWM

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 306, Shape.F32),
    Field("voltage_l2_v", 308, Shape.F32),
    Field("voltage_l3_v", 310, Shape.F32),
    Field("current_l1_a", 320, Shape.F32),
    Field("current_l2_a", 322, Shape.F32),
    Field("current_l3_a", 324, Shape.F32),
    Field("frequency_hz", 336, Shape.F32),
    Field("power_l1_w", 338, Shape.F32),
    Field("power_l2_w", 340, Shape.F32),
    Field("power_l3_w", 342, Shape.F32),
    Field("power_w", 344, Shape.F32),
    Field("energy_import_wh", 374, Shape.F64),
    table=Table.HOLDING,
    gap=10,
)
TYPE: Final = MeterType(
    name="alfen",
    maker="Alfen",
    product="Eve, NG9xx (a socket)",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=("frequency_hz", "power_l1_w", "power_l2_w", "power_l3_w"),
    quirks=("needs the licence for active load balancing", "falls to its safe current by itself", "pause unverified"),
)


class Alfen(RegisterMeter):
    """Implements `protocols.ports.Charger` for one socket. `fallback_a` is told when it is let go (None: nothing is)."""

    def __init__(self, bus: RegisterBus, unit: int, fallback_a: float | None = None) -> None:
        super().__init__(bus, unit, TYPE)
        self._fallback_a = fallback_a

    async def probe(self) -> Nameplate:
        """As the port; it falls to its safe current by itself, and to no other."""
        return replace(await super().probe(), ratings=rated(MOST_A, reverts=self._fallback_a is None))

    async def plug(self) -> Plug | None:
        """As `protocols.ports.Charger`; BadReply on a state that IEC 61851-1 does not name."""
        state = text(await self._bus.read(self._unit, Table.HOLDING, MODE_3, 5))
        if state in CHARGING:
            return CHARGING[state]
        if state[:1] in ("C", "D"):
            return Plug.CONNECTED
        try:
            return Plug(state[:1])
        except ValueError:
            raise BadReply(f"unit {self._unit}: mode 3 state {state!r}; allowed is A to F") from None

    async def allow(self, current_max_a: float | None, valid_s: float) -> None:
        """As `protocols.ports.Charger`. Lifted (None) nothing is written: the safe current follows by itself."""
        check_valid(valid_s)
        if current_max_a is None:
            return
        check_current(current_max_a, MOST_A)
        wanted = struct.unpack(">2H", struct.pack(">f", math.floor(current_max_a * 10) / 10))
        await self._bus.write(self._unit, MAX_CURRENT, wanted)
        words = await self._bus.read(self._unit, Table.HOLDING, VALID_TIME, 4)
        if words[2:] != wanted:
            kept_a = Shape.F32.decode(words[2:])
            raise NotApplied(f"unit {self._unit}: wrote {current_max_a:g} A to {MAX_CURRENT}, reads {kept_a:g} A")
        if not any(words[:2]):
            raise NotApplied(f"unit {self._unit}: the validity time was not started, 0 s remain")
