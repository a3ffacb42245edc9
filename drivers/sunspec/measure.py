"""Which quantity a SunSpec measurement point is, by our names and signs."""

from typing import Final, NamedTuple

from drivers.sunspec.models import DER_MEASUREMENT, INVERTER_THREE_PHASE, STORAGE
from drivers.sunspec.points import Model, Snapshot

# SunSpec counts what a device injects, we count what it consumes. Reactive power turns with active power.
FLIPPED: Final = -1


class Source(NamedTuple):
    """The point a quantity is read from; `factor` brings it to our unit and sign."""

    quantity: str
    point: str
    factor: int = 1


MEASURED: Final[dict[Model, tuple[Source, ...]]] = {
    # Its PF is left out: the model file does not say by which convention it is signed.
    INVERTER_THREE_PHASE: (
        Source("voltage_l1_v", "PhVphA"),
        Source("voltage_l2_v", "PhVphB"),
        Source("voltage_l3_v", "PhVphC"),
        Source("current_l1_a", "AphA"),
        Source("current_l2_a", "AphB"),
        Source("current_l3_a", "AphC"),
        Source("current_a", "A"),
        Source("power_w", "W", FLIPPED),
        Source("apparent_power_va", "VA"),
        Source("reactive_power_var", "VAr", FLIPPED),
        Source("frequency_hz", "Hz"),
        Source("energy_export_wh", "WH"),
        Source("temperature_c", "TmpCab"),
    ),
    DER_MEASUREMENT: (
        Source("voltage_l1_v", "VL1"),
        Source("voltage_l2_v", "VL2"),
        Source("voltage_l3_v", "VL3"),
        Source("current_l1_a", "AL1"),
        Source("current_l2_a", "AL2"),
        Source("current_l3_a", "AL3"),
        Source("current_a", "A"),
        Source("power_w", "W", FLIPPED),
        Source("power_l1_w", "WL1", FLIPPED),
        Source("power_l2_w", "WL2", FLIPPED),
        Source("power_l3_w", "WL3", FLIPPED),
        Source("apparent_power_va", "VA"),
        Source("reactive_power_var", "Var", FLIPPED),
        Source("power_factor_ratio", "PF", FLIPPED),
        Source("frequency_hz", "Hz"),
        Source("energy_export_wh", "TotWhInj"),
        Source("energy_import_wh", "TotWhAbs"),
        Source("temperature_c", "TmpCab"),
    ),
    STORAGE: (
        Source("soc_percent", "SoC"),
        Source("soh_percent", "SoH"),
        Source("available_energy_wh", "WHAvail"),
    ),
}


# The points to read for what a model measures.
POINTS: Final = {model: tuple(source.point for source in sources) for model, sources in MEASURED.items()}


def measured(model: Model, snapshot: Snapshot) -> dict[str, float | None]:
    """The quantities in a snapshot of these points."""
    return {quantity: snapshot.value(point, factor) for quantity, point, factor in MEASURED[model]}
