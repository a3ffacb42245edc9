"""Kostal Plenticore and Piko IQ, the AC side; read only (the battery: drivers/batteries/kostal_plenticore.py).

Source: kilianknoll/kostal-modbusquery (facts only), kostal-modbusquery.py, and OpenEMS/openems (facts only),
        KostalPvInverterImpl.java and KostalManagedEssImpl.java, agree on the phases, frequency and reactive power; the former
        and openWB/core (facts only), kostal_plenticore, on energy and currents. 172 and 178 are in the former only.
Sign:   production positive; flipped here. With a battery this is the power of both. Reactive power is left out: no source
        says its sign.
Words:  low word first, unless the web page of the device is set to the order of SunSpec.
Quirk:  unit id 71, port 1502; one program at a time. SunSpec model 123 is there, but refuses function 16
        (evcc-io/evcc, kostal-plenticore-gen2.yaml), the only one written by us: no limit.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    Field("frequency_hz", 152, Shape.F32, low_word_first=True),
    Field("current_l1_a", 154, Shape.F32, low_word_first=True),
    Field("power_l1_w", 156, Shape.F32, scale=-1.0, low_word_first=True),
    Field("voltage_l1_v", 158, Shape.F32, low_word_first=True),
    Field("current_l2_a", 160, Shape.F32, low_word_first=True),
    Field("power_l2_w", 162, Shape.F32, scale=-1.0, low_word_first=True),
    Field("voltage_l2_v", 164, Shape.F32, low_word_first=True),
    Field("current_l3_a", 166, Shape.F32, low_word_first=True),
    Field("power_l3_w", 168, Shape.F32, scale=-1.0, low_word_first=True),
    Field("voltage_l3_v", 170, Shape.F32, low_word_first=True),
    Field("power_w", 172, Shape.F32, scale=-1.0, low_word_first=True),
    Field("apparent_power_va", 178, Shape.F32, low_word_first=True),
    Field("energy_export_wh", 320, Shape.F32, low_word_first=True),
    table=Table.HOLDING,
)
METERS: Final = (
    MeterType(
        name="kostal-plenticore",
        maker="Kostal",
        product="Plenticore, Piko IQ",
        registers=MAP,
        verified=Evidence.LISTS,
        unverified=("power_w", "apparent_power_va"),
        quirks=(
            "unit id 71, port 1502",
            "low word first unless set otherwise",
            "read only: its limit refuses function 16",
        ),
    ),
)
