"""KEBA KeContact P30 (c-series, x-series) over Modbus TCP.

Source: KEBA, "Modbus TCP Programmers Guide V1.02", pages 10 to 13 and 16 as they stand on manualshive.com and easymanua.ls: 1008
        to 1012 (mA), 1014 (serial number), 1020 (mW), 1036 (Wh), 1040 to 1044 (V), each a UINT32, two registers, function 3;
        5004 (mA, UINT16, write-only, 6000 to 63000, gone at a reboot). The order of the words was not read there; two public
        maps have the highest first: unverified. SmartApplianceEnabler takes 1036 for tenths of a watt-hour, against the
        guide: compare the first reading with the display.
        The states (1000, 1004), the most (1110), enable (5014: 0, 1) and the failsafe (5016: 0 or 6000 mA and more, 5018: 0 or
        10 to 600 s, read back in 1600 and 1602) are alike in GernotAlthammer/KEBA-Modbus-TCP (from V1.03), KEBA's register
        list of openHAB, and OpenEMS; that a command within the time keeps it away is from KEBA's "UDP Programmers Guide
        V2.01", page 35.
Sign:   consumed positive, as inside; it gives nothing back.
Unit:   255. Modbus TCP is switched on by DIP switch DSW1.3; then nothing may use its UDP.
Limits: one value a request. Functions 3 and 6 only: the url needs `?write=6`. The guide asks for 5 s between writes: a setpoint
        is two of them, and three where the failsafe is new.
Quirk:  5004 can not be read back. At each renewal the measured current is compared instead: more than was told is NotApplied.
Lease:  the failsafe is programmed first: `valid_s` (10 to 600) after the last command it falls to `fallback_a`, or with none
        to the most it takes. It is not saved (5020): a reboot ends it together with the limit.
"""

import math
from dataclasses import replace
from typing import Final

from drivers.chargers.limits import check_current, rated
from drivers.evidence import Evidence
from drivers.register_meter import MeterType, RegisterMeter, SerialNumber, number
from drivers.valid import check_valid
from protocols.faults import DeviceRefused, NotApplied
from protocols.ports import Nameplate, Plug, RegisterBus, Table
from protocols.registers import Field, RegisterMap, Shape

STATE, CABLE, MOST = 1000, 1004, 1110
FAILSAFE_A_SHOWN, FAILSAFE_S_SHOWN = 1600, 1602
CURRENT, ENABLE, FAILSAFE_A, FAILSAFE_S = 5004, 5014, 5016, 5018
LEASE_LEAST_S, LEASE_MOST_S = 10, 600
CHARGING, ERROR = 3, 4
IN_CAR: Final = 4  # this bit of the cable state: plugged into the car
CURRENTS: Final = (1008, 1010, 1012)
ABOVE_A: Final = 1.0  # a car may take so much more than it is told before it is said to

MAP: Final = RegisterMap(
    Field("current_l1_a", 1008, Shape.U32, scale=0.001),
    Field("current_l2_a", 1010, Shape.U32, scale=0.001),
    Field("current_l3_a", 1012, Shape.U32, scale=0.001),
    Field("power_w", 1020, Shape.U32, scale=0.001),
    Field("energy_import_wh", 1036, Shape.U32),
    Field("voltage_l1_v", 1040, Shape.U32),
    Field("voltage_l2_v", 1042, Shape.U32),
    Field("voltage_l3_v", 1044, Shape.U32),
    table=Table.HOLDING,
    block_max=2,
    gap=0,
)
TYPE: Final = MeterType(
    name="keba",
    maker="KEBA",
    product="KeContact P30",
    registers=MAP,
    verified=Evidence.DOCUMENT,
    unverified=("energy_import_wh",),
    quirks=(
        "unit id 255",
        "url with ?write=6",
        "one value a request",
        "its limit can not be read back: the measured current is compared; its failsafe is from lists; lease_s 10 to 600",
    ),
    serial=SerialNumber(Table.HOLDING, 1014, 2),
)


class Keba(RegisterMeter):
    """Implements `protocols.ports.Charger`; `fallback_a` None: the most that it takes."""

    def __init__(self, bus: RegisterBus, unit: int, fallback_a: float | None = None) -> None:
        super().__init__(bus, unit, TYPE)
        self._fallback_a = fallback_a
        self._told_a: float | None = None
        self._failsafe: tuple[int, int] | None = None

    async def probe(self) -> Nameplate:
        """As the port; after a reboot the failsafe has to be told anew."""
        self._told_a = self._failsafe = None
        return replace(await super().probe(), ratings=rated(await self._most_a(), reverts=True))

    async def plug(self) -> Plug | None:
        """As `protocols.ports.Charger`."""
        state = await self._at(STATE)
        if state == ERROR:
            return Plug.FAULTY
        if not await self._at(CABLE) & IN_CAR:
            return Plug.EMPTY
        return Plug.CHARGING if state == CHARGING else Plug.CONNECTED

    async def allow(self, current_max_a: float | None, valid_s: float) -> None:
        """As `protocols.ports.Charger`; what can not be read back is compared with the measured current when renewed."""
        check_valid(valid_s)
        if not LEASE_LEAST_S <= valid_s <= LEASE_MOST_S:
            raise ValueError(f"a lease of {valid_s} s: allowed is {LEASE_LEAST_S} to {LEASE_MOST_S}")
        most_a = await self._most_a()
        current_a = most_a if current_max_a is None else current_max_a
        check_current(current_a, most_a)
        renewed = self._told_a == current_a
        await self._guard(int(valid_s), most_a if self._fallback_a is None else min(self._fallback_a, most_a))
        if current_a > 0:
            await self._bus.write(self._unit, CURRENT, [math.floor(current_a * 1000 + 1e-6)])
        await self._bus.write(self._unit, ENABLE, [int(current_a > 0)])
        self._told_a = current_a
        if renewed:
            await self._compare(current_a)

    async def _guard(self, valid_s: int, fallback_a: float) -> None:
        """Programme the failsafe where it is not so yet; NotApplied where it reads otherwise."""
        wanted = (math.floor(fallback_a * 1000 + 1e-6), valid_s)
        if self._failsafe == wanted:
            return
        await self._bus.write(self._unit, FAILSAFE_A, [wanted[0]])
        await self._bus.write(self._unit, FAILSAFE_S, [wanted[1]])
        try:
            kept = (await self._at(FAILSAFE_A_SHOWN), await self._at(FAILSAFE_S_SHOWN))
        except DeviceRefused:  # older firmware does not show them
            kept = wanted
        if kept != wanted:
            raise NotApplied(f"unit {self._unit}: failsafe of {wanted[0]} mA after {wanted[1]} s, reads {kept}")
        self._failsafe = wanted

    async def _compare(self, told_a: float) -> None:
        drawn_a = max([await self._at(address) for address in CURRENTS]) / 1000
        if drawn_a > told_a + ABOVE_A:
            raise NotApplied(f"unit {self._unit}: was told {told_a:g} A, the car draws {drawn_a:g} A")

    async def _most_a(self) -> float:
        return await self._at(MOST) / 1000

    async def _at(self, address: int) -> int:
        return number(await self._bus.read(self._unit, Table.HOLDING, address, 2))
