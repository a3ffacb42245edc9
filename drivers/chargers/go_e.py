"""go-eCharger (HOME, Gemini) over Modbus TCP.

Source: go-e's own repository goecharger/go-eCharger-API-v2, modbus-en.md at 013e3db: input registers 100 (car state), 108 to
        118 (V, 0.1 A), 120 (0.01 kW), 128 (0.1 kWh), 146 to 150 (0.1 kW), 304 (serial number); holding registers 211 (most
        amperes), 299 (amperes, volatile) and 337 (force state, firmware 55.6 and later). The words of a number have the
        highest first unless "msr" (swap registers) is set. Frc 0 neutral, 1 off, 2 on is how the API calls the values 0, 1,
        2 of 337; the table only says that these are accepted: their meaning is unverified.
Sign:   consumed positive, as inside; a go-e gives nothing back.
Limits: functions 3, 4 and 16 only. Whole amperes, 6 to 32: a limit is rounded down. Holes are not read over.
Quirk:  300 keeps the amperes in an EEPROM of about 100,000 cycles: only 299, the volatile one, is written, and only on change.
        A go-e has taken a write and not followed it (go-eCharger#249): 299 and 337 are read back.
Lease:  no timer in the device: no hardware fallback. After a reboot 299 is as in the EEPROM, which may be more.
"""

from dataclasses import replace
from typing import Final

from drivers.chargers.limits import check_current, rated
from drivers.evidence import Evidence
from drivers.register_meter import MeterType, RegisterMeter, SerialNumber
from drivers.valid import check_valid
from protocols.faults import BadReply, NotApplied
from protocols.ports import Nameplate, Plug, RegisterBus, Table
from protocols.registers import Field, RegisterMap, Shape

CAR_STATE: Final = 100
AMPERE_MAX, AMPERE_VOLATILE, FORCE_STATE = 211, 299, 337
NEUTRAL, OFF = 0, 1
PLUGS: Final = {0: Plug.FAULTY, 1: Plug.EMPTY, 2: Plug.CHARGING, 3: Plug.CONNECTED, 4: Plug.CONNECTED}

MAP: Final = RegisterMap(
    Field("voltage_l1_v", 108, Shape.U32),
    Field("voltage_l2_v", 110, Shape.U32),
    Field("voltage_l3_v", 112, Shape.U32),
    Field("current_l1_a", 114, Shape.U32, scale=0.1),
    Field("current_l2_a", 116, Shape.U32, scale=0.1),
    Field("current_l3_a", 118, Shape.U32, scale=0.1),
    Field("power_w", 120, Shape.U32, scale=10.0),
    Field("energy_import_wh", 128, Shape.U32, scale=100.0),
    Field("power_l1_w", 146, Shape.U32, scale=100.0),
    Field("power_l2_w", 148, Shape.U32, scale=100.0),
    Field("power_l3_w", 150, Shape.U32, scale=100.0),
    table=Table.INPUT,
    gap=0,
)
TYPE: Final = MeterType(
    name="go-e",
    maker="go-e",
    product="Charger HOME and Gemini",
    registers=MAP,
    verified=Evidence.DOCUMENT,
    quirks=("enable Modbus first", "whole amperes", "no hardware fallback", "control needs firmware 55.6"),
    serial=SerialNumber(Table.INPUT, 304, 6, spelt=True),
)


class GoE(RegisterMeter):
    """Implements `protocols.ports.Charger`."""

    def __init__(self, bus: RegisterBus, unit: int) -> None:
        super().__init__(bus, unit, TYPE)

    async def probe(self) -> Nameplate:
        """As the port."""
        return replace(await super().probe(), ratings=rated(await self._at(AMPERE_MAX), reverts=False))

    async def plug(self) -> Plug | None:
        """As `protocols.ports.Charger`; BadReply on a state that go-e does not name."""
        (state,) = await self._bus.read(self._unit, Table.INPUT, CAR_STATE, 1)
        if state not in PLUGS:
            raise BadReply(f"unit {self._unit}: car state {state}; allowed is 0 to 4")
        return PLUGS[state]

    async def allow(self, current_max_a: float | None, valid_s: float) -> None:
        """As `protocols.ports.Charger`. Lifted, the most that 211 allows is written."""
        check_valid(valid_s)
        most_a = await self._at(AMPERE_MAX)
        amperes = most_a if current_max_a is None else _whole(current_max_a, most_a)
        if amperes:
            await self._keep(AMPERE_VOLATILE, amperes)
        await self._keep(FORCE_STATE, NEUTRAL if amperes else OFF)

    async def _keep(self, address: int, word: int) -> None:
        if await self._at(address) == word:
            return
        await self._bus.write(self._unit, address, [word])
        if (kept := await self._at(address)) != word:
            raise NotApplied(f"unit {self._unit}: wrote {word} to {address}, reads {kept}")

    async def _at(self, address: int) -> int:
        (word,) = await self._bus.read(self._unit, Table.HOLDING, address, 1)
        return word


def _whole(current_a: float, most_a: int) -> int:
    """Amperes rounded down; 0 pauses. ValueError where no car could be told."""
    check_current(current_a, most_a)
    return int(current_a)
