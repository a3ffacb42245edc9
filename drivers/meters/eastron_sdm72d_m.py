"""Eastron SDM72D-M (the first; its successor SDM72D-M-V2 has the map of the SDM630), three-phase meter.

Source: "SDM72D-M User Manual V1.5", part 3, page 14, read in full in github.com/nmakel/sdm_modbus, documents/. Every
        address was also found alike in volkszaehler/mbmd, meters/rs485/sdm72.go. The address on the wire is the
        register number minus 30001.
Sign:   import positive, as inside; nothing is flipped.
Limits: 30 parameters of two registers a request; a request must not begin or end inside a value.
Quirk:  neither voltages nor currents, nor a power of each phase; no serial number.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("power_w", 0x0034, Shape.F32),
    Field("energy_import_wh", 0x0048, Shape.F32, scale=1000.0),
    Field("energy_export_wh", 0x004A, Shape.F32, scale=1000.0),
    table=Table.INPUT,
    block_max=60,
)
TYPES: Final = (
    MeterType(
        name="sdm72d-m",
        maker="Eastron",
        product="SDM72D-M",
        registers=MAP,
        verified=Evidence.DOCUMENT,
        quirks=("no voltage, no current, no power per phase",),
    ),
)
