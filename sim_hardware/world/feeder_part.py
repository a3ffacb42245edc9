"""`[feeder]` of a world file: which network the homes hang on, and `[[station]]`: the devices that stand in it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from sim_hardware.world.parts import Above, Name, Number, Part, Power

# alone: every home by itself behind `[grid]`'s impedance; street: a cable with homes along it; own: tables of the file.
Kind = Literal["alone", "street", "ieee-european-lv", "cigre-lv", "cigre-mv", "own"]
StationKind = Literal["tap-changer", "capacitor-bank", "meter", "relay-board"]

STREET_KEYS: Final = ("houses", "length_m", "service_m", "transformer_va")
OWN_KEYS: Final = ("source_bus", "bus", "line", "transformer")
# Which keys of `[feeder]` mean something for which kind, beside `kind` and `every_s`.
KEYS_OF: Final[dict[str, tuple[str, ...]]] = {
    "alone": (),
    "street": STREET_KEYS,
    "ieee-european-lv": ("stated_share",),
    "cigre-lv": ("stated_share",),
    "cigre-mv": (*STREET_KEYS, "zones", "stated_share"),
    "own": OWN_KEYS,
}
# The same for `[[station]]`, beside `name`, `kind` and `at`.
STATION_KEYS_OF: Final[dict[str, tuple[str, ...]]] = {
    "tap-changer": ("steps", "step_percent"),
    "capacitor-bank": ("steps", "step_var"),
    "meter": (),
    "relay-board": (),
}
BusName = Annotated[str, Field(min_length=1, max_length=48)]


class BusPart(Part):
    """`[[feeder.bus]]`: nominal voltage line to line."""

    name: BusName
    voltage_v: Annotated[Number, Field(gt=0, le=1e6)] = 400.0


class LinePart(Part):
    """`[[feeder.line]]`: a cable by positive and zero sequence; as it stands: NAYY 4x150."""

    name: BusName
    from_bus: BusName
    to_bus: BusName
    length_m: Above
    r1_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.208
    x1_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.080
    r0_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.832
    x0_ohm_per_km: Annotated[Number, Field(ge=0)] = 0.320
    rating_a: Above = 270.0


class TransformerPart(Part):
    """`[[feeder.transformer]]`: two windings (Dyn5), `from_bus` on the high side; a tap above 0 lowers the voltage."""

    name: BusName
    from_bus: BusName
    to_bus: BusName
    power_va: Above = 400_000.0
    high_v: Above = 20_000.0
    low_v: Above = 400.0
    short_circuit_pu: Annotated[Number, Field(gt=0, lt=1)] = 0.06
    copper_loss_w: Annotated[Number, Field(ge=0)] = 5_700.0
    iron_loss_w: Annotated[Number, Field(ge=0)] = 1_350.0
    tap: int = 0
    tap_least: Annotated[int, Field(ge=-32, le=0)] = 0
    tap_most: Annotated[int, Field(ge=0, le=32)] = 0
    tap_step_pu: Annotated[Number, Field(ge=0, le=0.1)] = 0.0


class StationPart(Part):
    """`[[station]]`: a device in the substation or on the feeder, reachable on Modbus.

    `at` names what it belongs to: the transformer of a tap changer, the bus of a capacitor bank, the transformer or line
    whose flow a meter or a relay board sees. `steps` are those of a tap changer to either side, or those of a bank.
    """

    name: Name
    kind: StationKind
    at: BusName | None = None
    steps: Annotated[int, Field(ge=1, le=32)] | None = None
    step_percent: Annotated[Number, Field(gt=0, le=10)] | None = None
    step_var: Power | None = None


class FeederPart(Part):
    """`[feeder]`: the network; `every_s` is how often its power flow is solved (0: each step).

    `houses` along a street (absent: as many as it needs), `length_m` of its main cable, `service_m` of each house's own;
    `zones` streets on a medium-voltage network; `stated_share` of the loads that a known network states stays where
    neither home nor zone hangs.
    """

    kind: Kind = "alone"
    every_s: Annotated[Number, Field(ge=0, le=900)] = 0.0
    houses: Annotated[int, Field(ge=1, le=500)] | None = None
    length_m: Above = 600.0
    service_m: Above = 15.0
    transformer_va: Literal[250_000, 400_000, 630_000] = 400_000
    zones: Annotated[int, Field(ge=1, le=8)] = 3
    stated_share: Annotated[Number, Field(ge=0, le=2)] = 1.0
    source_bus: BusName | None = None
    bus: tuple[BusPart, ...] = ()
    line: tuple[LinePart, ...] = ()
    transformer: tuple[TransformerPart, ...] = ()
