"""`[feeder]` of a world file: which network the homes hang on, and what stands in its station."""

from typing import Annotated, Literal

from pydantic import Field

from sim_hardware.world.parts import Above, Name, Number, Part, Power

# alone: every home by itself behind `[grid]`'s impedance; street: a cable with homes along it; own: tables of the file.
Kind = Literal["alone", "street", "ieee-european-lv", "cigre-lv", "cigre-mv", "own"]


class BusPart(Part):
    """`[[feeder.bus]]`: nominal voltage line to line."""

    name: str
    voltage_v: Power = 400.0


class LinePart(Part):
    """`[[feeder.line]]`: a cable by positive and zero sequence."""

    name: str
    from_bus: str
    to_bus: str
    length_m: Above
    r1_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.206
    x1_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.080
    r0_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.824
    x0_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.320
    rating_a: Above = 270.0


class TransformerPart(Part):
    """`[[feeder.transformer]]`: two windings, `from_bus` on the high side."""

    name: str
    from_bus: str
    to_bus: str
    power_va: Above = 400_000.0
    high_v: Above = 20_000.0
    low_v: Above = 400.0
    short_circuit_pu: Above = 0.04
    copper_loss_w: Annotated[Number, Field(ge=0)] = 4_600.0
    iron_loss_w: Annotated[Number, Field(ge=0)] = 600.0
    tap: int = 0
    tap_least: int = 0
    tap_most: int = 0
    tap_step_pu: Annotated[Number, Field(ge=0, le=0.2)] = 0.0


class StationPart(Part):
    """`[[station]]`: a device in the substation or on the feeder, reachable on Modbus.

    `at` names what it belongs to: the transformer of a tap changer, the bus of a capacitor bank, the line or transformer
    whose flow a meter sees.
    """

    name: Name
    kind: Literal["tap-changer", "capacitor-bank", "meter", "relay-board"]
    at: str | None = None
    step_var: Power | None = None
    steps: Annotated[int, Field(ge=1, le=32)] | None = None


class FeederPart(Part):
    """`[feeder]`: the network; `every_s` is how often its power flow is solved (0: each step)."""

    kind: Kind = "alone"
    every_s: Annotated[Number, Field(ge=0, le=900)] = 0.0
    length_m: Above = 600.0
    zones: Annotated[int, Field(ge=1, le=50)] = 1
    source_bus: str | None = None
    bus: tuple[BusPart, ...] = ()
    line: tuple[LinePart, ...] = ()
    transformer: tuple[TransformerPart, ...] = ()
