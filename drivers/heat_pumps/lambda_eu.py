"""Lambda EU-L heat pumps over Modbus TCP, the first of an installation: what it takes.

Source: openhab/openhab-addons (facts only), modbus.lambda, HeatpumpBlockParser, written from Lambda's "Modbus-Beschreibung und
        Protokoll" (2025-02), and the Home Assistant integration lambda_heat_pumps (MIT), const.py, agree on place and type
        of each; the scales are in the latter. The maker's own paper was not read. Base 1000; a second pump stands at 1100.
Sign:   consumed positive, as inside. `temperature_c` is that of the flow line.
Words:  of the energy the highest first; the latter list lets one turn it round, so that is unverified.
Limits: function 3 to read.
Ask:    the surplus that the E-manager may use (102, W, INT16), as lambda_heat_pumps, hendrikmuhs/lambda-heatpump-modbus-tcp and
        evcc's users write it. It is no setpoint: the pump decides by its own settings (base load, least power, a delay of
        minutes) what it makes of it. Lambda's support has to set the E-meter to "ModBus Client" and its point to "E-Eintrag";
        whether surplus is positive there (as here) or negative is a setting too. So it is **unverified**, and off unless
        `control = true`. It can not be blocked by it, and not be ordered.
Lease:  how long the pump believes an old surplus was not found: no hardware fallback.
Left:   the power of the compressor's inverter is not that of pumps and heating rods. Requests (1015 to 1018): flow temperatures.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType, RegisterMeter
from drivers.valid import check_valid
from protocols.faults import NotApplied, Unsupported
from protocols.ports import RegisterBus, SgMode, Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("temperature_c", 1004, Shape.S16, scale=0.01),
    Field("power_w", 1012, Shape.S16),
    Field("energy_import_wh", 1020, Shape.S32),
    table=Table.HOLDING,
)
TYPE: Final = MeterType(
    name="lambda-heat-pump",
    maker="Lambda",
    product="EU-L heat pump (the first)",
    registers=MAP,
    verified=Evidence.LISTS,
    unverified=("energy_import_wh",),
    quirks=(
        "the compressor's inverter only",
        "temperature of the flow line",
        "takes a surplus (102) where control = true",
    ),
)
SURPLUS: Final = 102
SURPLUS_MOST_W: Final = 0x7FFF


class LambdaPump(RegisterMeter):
    """Implements `protocols.ports.Thermostat` by the surplus that it may use: `power_w`, or none."""

    def __init__(self, bus: RegisterBus, unit: int, power_w: float) -> None:
        super().__init__(bus, unit, TYPE)
        if not 0 < power_w <= SURPLUS_MOST_W:
            raise ValueError(f"a surplus of {power_w} W; allowed is more than 0 and {SURPLUS_MOST_W} at most")
        self._power_w = int(power_w)

    async def ask(self, mode: SgMode, valid_s: float) -> None:
        """As `protocols.ports.Thermostat`; Unsupported where it is to be blocked or ordered."""
        check_valid(valid_s)
        if mode not in (SgMode.NORMAL, SgMode.ENCOURAGED):
            raise Unsupported(f"unit {self._unit}: asked to be {mode}; it takes a surplus only")
        surplus_w = self._power_w if mode is SgMode.ENCOURAGED else 0
        await self._bus.write(self._unit, SURPLUS, [surplus_w])
        (kept,) = await self._bus.read(self._unit, Table.HOLDING, SURPLUS, 1)
        if kept != surplus_w:
            raise NotApplied(f"unit {self._unit}: wrote {surplus_w} to {SURPLUS}, reads {kept}")

    async def asked(self) -> SgMode:
        """Whether it was told of a surplus."""
        (surplus_w,) = await self._bus.read(self._unit, Table.HOLDING, SURPLUS, 1)
        return SgMode.ENCOURAGED if 0 < surplus_w <= SURPLUS_MOST_W else SgMode.NORMAL
