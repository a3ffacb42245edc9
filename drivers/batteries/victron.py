"""Victron Energy GX devices: a single-phase VE.Bus inverter/charger as a battery, and the system's battery to be read.

Source: Victron Energy, dbus_modbustcp (MIT), attributes.csv v1.0.101, services com.victronenergy.vebus and .system; for the
        meaning of 37 "ESS mode 2 and 3" on victronenergy.com, part 1.3. What ends a setpoint: node owners in sfstar/hass-victron
        issue 226 and openWB/core issue 3355, 60 s by the manual and 10 s in practice: unverified. Addresses as listed.
Sign:   taken from AC-in positive, as inside; the battery: charging positive.
Follow: 37, W at AC-in: what the battery takes and what hangs on AC-out. The GX must be in ESS mode 3, external control (2902 = 3
        in unit 100, set by its owner). When 37 is not written the inverter/charger passes through: idle.
Quirk:  the unit id is that of the VE.Bus port (227 in a Cerbo GX), 100 for the system. `lease_s` at most 20, for it is renewed
        in less than half of it. Power at AC-in in steps of 10 W.
Left:   three phases (37, 40, 41): the list has no sum of their power. The setpoint of the connection point (2700, 2703 in flash,
        2716), which the system follows by itself.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_battery import BatteryType, Following
from drivers.register_meter import MeterType
from drivers.setpoints import Register, Step, What
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

VEBUS: Final = MeterType(
    name="victron-vebus",
    maker="Victron Energy",
    product="MultiPlus or Quattro behind a GX device, one phase",
    registers=RegisterMap(
        Field("voltage_l1_v", 3, Shape.U16, scale=0.1),
        Field("current_l1_a", 6, Shape.S16, scale=0.1),
        Field("frequency_hz", 9, Shape.S16, scale=0.01),
        Field("power_w", 12, Shape.S16, scale=10.0),
        Field("soc_percent", 30, Shape.U16, scale=0.1),
        table=Table.HOLDING,
        gap=0,
    ),
    verified=Evidence.DOCUMENT,
    quirks=("power at AC-in: with what hangs on AC-out", "ESS mode 3 set by its owner", "lease_s at most 20"),
)
SYSTEM: Final = MeterType(
    name="victron-gx-battery",
    maker="Victron Energy",
    product="battery of a GX device",
    registers=RegisterMap(
        Field("power_w", 842, Shape.S16),
        Field("soc_percent", 843, Shape.U16),
        table=Table.HOLDING,
    ),
    verified=Evidence.DOCUMENT,
    quirks=("unit id 100", "read only: the system follows a power at the connection point"),
)
METERS: Final = (SYSTEM,)
RATED: Final = Register("130 nominal inverter power", 130, Shape.U32)


def setpoint(scale: float) -> tuple[Step, ...]:
    """37 with this sign."""
    return (Step(Register("37 power setpoint", 37, Shape.S16, scale=scale, counted=True), What.VALUE),)


TYPES: Final = (
    BatteryType(
        name=VEBUS.name,
        meter=VEBUS.build,
        sheet=VEBUS.sheet,
        following=Following(
            consume_max=RATED,
            produce_max=RATED,
            charge=setpoint(1.0),
            discharge=setpoint(-1.0),
            idle=setpoint(1.0),
            release=(),
            to_idle=(),
        ),
    ),
)
