"""ABB Terra AC wallbox over Modbus TCP (by cable only) or RTU.

Source: ABB, "Terra AC Charger Modbus Communication" v1.11 (March 2025), chapters 4, 5 and 7, as kept in
        github.com/JernejHren/ABB-Terra-AC: the table of 5.1, 5.6 (charging state), 5.11 to 5.19 (time-out, limits and
        where each is read back), 7.1.1 (functions 3, 6 and 16). That repository reads the same places, highest word first.
Sign:   consumed positive, as inside; it gives nothing back.
Quirk:  one Modbus connection. "Local Controller" has to be set in ABB's app. The document advises a reading each 30 to 90 s
        only. Its charging state is in the second byte from below, so in 0x400D.
Lease:  its timer (0x4106, 10 s and more) counts while nobody *reads* it: it ends what a dead node has set, and not what a
        node sets that still reads. So it is not said to revert by itself. It falls to `fallback_a` (0x4109, whole amperes);
        without one 0x4109 is left alone, which from the factory means an error and no charging.
        After an unexpected reboot the limit and the fallback can be others (that repository): both are read back each time.
Left:   0x401E is the energy of this session, which starts anew with each: no register of energy. Locking the cable (0x4103),
        start and stop of a session (0x4105), firmware.
"""

import math
from dataclasses import replace
from typing import Final

from drivers.chargers.limits import check_current, rated
from drivers.evidence import Evidence
from drivers.register_meter import MeterType, RegisterMeter, number
from drivers.valid import check_valid
from protocols.faults import NotApplied
from protocols.ports import Nameplate, Plug, RegisterBus, Table
from protocols.registers import Field, RegisterMap, Shape

MOST, STATE = 0x4006, 0x400D
TIMEOUT_SHOWN, LIMIT_SHOWN, FALLBACK_SHOWN = 0x4020, 0x4022, 0x4024
LIMIT, TIMEOUT, FALLBACK = 0x4100, 0x4106, 0x4109
TIMEOUT_LEAST_S, TIMEOUT_MOST_S = 10, 65_535
# A, B1, B2, C1 (the car is ready, no PWM), C2; 5 is "others".
PLUGS: Final = {0: Plug.EMPTY, 1: Plug.CONNECTED, 2: Plug.CONNECTED, 3: Plug.CONNECTED, 4: Plug.CHARGING}

MAP: Final = RegisterMap(
    Field("current_l1_a", 0x4010, Shape.U32, scale=0.001),
    Field("current_l2_a", 0x4012, Shape.U32, scale=0.001),
    Field("current_l3_a", 0x4014, Shape.U32, scale=0.001),
    Field("voltage_l1_v", 0x4016, Shape.U32, scale=0.1),
    Field("voltage_l2_v", 0x4018, Shape.U32, scale=0.1),
    Field("voltage_l3_v", 0x401A, Shape.U32, scale=0.1),
    Field("power_w", 0x401C, Shape.U32),
    table=Table.HOLDING,
)
TYPE: Final = MeterType(
    name="abb-terra-ac",
    maker="ABB",
    product="Terra AC",
    registers=MAP,
    verified=Evidence.DOCUMENT,
    quirks=("one connection", "its timer counts while nobody reads it", "no register of energy", "lease_s at least 10"),
)


class TerraAc(RegisterMeter):
    """Implements `protocols.ports.Charger`; `fallback_a` in whole amperes, None: as its owner has set it."""

    def __init__(self, bus: RegisterBus, unit: int, fallback_a: float | None = None) -> None:
        super().__init__(bus, unit, TYPE)
        self._fallback_a = None if fallback_a is None else int(fallback_a)

    async def probe(self) -> Nameplate:
        """As the port."""
        return replace(await super().probe(), ratings=rated(await self._most_a(), reverts=False))

    async def plug(self) -> Plug | None:
        """As `protocols.ports.Charger`."""
        (word,) = await self._bus.read(self._unit, Table.HOLDING, STATE, 1)
        return PLUGS.get(word >> 8 & 0x7F)

    async def allow(self, current_max_a: float | None, valid_s: float) -> None:
        """As `protocols.ports.Charger`. Lifted, the most that it takes is written."""
        check_valid(valid_s)
        if not TIMEOUT_LEAST_S <= valid_s <= TIMEOUT_MOST_S:
            raise ValueError(f"a lease of {valid_s} s: allowed is {TIMEOUT_LEAST_S} to {TIMEOUT_MOST_S}")
        most_a = await self._most_a()
        current_a = most_a if current_max_a is None else current_max_a
        check_current(current_a, most_a)
        await self._keep(TIMEOUT, [int(valid_s)], TIMEOUT_SHOWN)
        if self._fallback_a is not None:
            await self._keep(FALLBACK, [self._fallback_a], FALLBACK_SHOWN)
        milliamperes = math.floor(current_a * 1000 + 1e-6)
        await self._keep(LIMIT, [milliamperes >> 16, milliamperes & 0xFFFF], LIMIT_SHOWN)

    async def _most_a(self) -> float:
        return number(await self._bus.read(self._unit, Table.HOLDING, MOST, 2)) / 1000

    async def _keep(self, address: int, words: list[int], shown: int) -> None:
        if await self._at(shown, len(words)) == words:
            return
        await self._bus.write(self._unit, address, words)
        if (kept := await self._at(shown, len(words))) != words:
            raise NotApplied(f"unit {self._unit}: wrote {number(words)} to 0x{address:04X}, reads {number(kept)}")

    async def _at(self, address: int, count: int) -> list[int]:
        return list(await self._bus.read(self._unit, Table.HOLDING, address, count))
