"""A synthetic street: a distribution transformer, a main cable with a joint for each house, a service cable to each.

Source: pandapower 3.x, standard types "NAYY 4x150 SE", "NAYY 4x50 SE" and "0.25/0.4/0.63 MVA 20/0.4 kV"
        (pandapower/std_types.py, BSD-3). They state no zero sequence: four conductors of one section with the return
        through the fourth make it four times the positive one, for the reactance only roughly.
Choice: houses stand at equal distances; the neutral is earthed at every joint; 250 kVA too is Dyn5 (there: Yzn5).
"""

from dataclasses import dataclass
from typing import Final

from sim_hardware.physics.feeder import Bus, Line, SequenceCable, Transformer

LOW_V: Final = 400.0
HIGH_V: Final = 20_000.0


def _four_cores(r_ohm_per_km: float, x_ohm_per_km: float, c_nf_per_km: float) -> SequenceCable:
    return SequenceCable(
        r1_ohm_per_km=r_ohm_per_km,
        x1_ohm_per_km=x_ohm_per_km,
        r0_ohm_per_km=4.0 * r_ohm_per_km,
        x0_ohm_per_km=4.0 * x_ohm_per_km,
        c1_nf_per_km=c_nf_per_km,
        c0_nf_per_km=c_nf_per_km,
    )


MAIN: Final = _four_cores(0.208, 0.080, 261.0)
MAIN_A: Final = 270.0
SERVICE: Final = _four_cores(0.642, 0.083, 210.0)
SERVICE_A: Final = 142.0
# Rated power: short-circuit voltage, copper losses and no-load current in percent, iron losses in watts.
TRANSFORMERS: Final = {
    250_000: (6.0, 1.44, 0.32, 800.0),
    400_000: (6.0, 1.425, 0.3375, 1350.0),
    630_000: (6.0, 1.206, 0.2619, 1650.0),
}
TAPS, TAP_STEP_PU = 2, 0.025


@dataclass(frozen=True, slots=True)
class Street:
    """Its parts, and the buses of its houses from the near end to the far."""

    buses: tuple[Bus, ...]
    lines: tuple[Line, ...]
    transformer: Transformer
    houses: tuple[str, ...]


def street(
    houses: int, length_m: float, service_m: float, transformer_va: int, *, high_bus: str, prefix: str = ""
) -> Street:
    """A street behind `high_bus` (20 kV), all its names with the prefix: bar, joint-1, house-1, main-1, service-1."""
    bar, numbers = f"{prefix}bar", range(1, houses + 1)
    joints = [f"{prefix}joint-{number}" for number in numbers]
    homes = tuple(f"{prefix}house-{number}" for number in numbers)
    lines = []
    for number, before, joint, home in zip(numbers, [bar, *joints], joints, homes, strict=False):
        lines += [
            _cable(f"{prefix}main-{number}", before, joint, length_m / houses, MAIN, MAIN_A),
            _cable(f"{prefix}service-{number}", joint, home, service_m, SERVICE, SERVICE_A),
        ]
    buses = tuple(Bus(name, LOW_V) for name in (bar, *joints, *homes))
    return Street(buses, tuple(lines), _transformer(f"{prefix}transformer", high_bus, bar, transformer_va), homes)


def _cable(name: str, start: str, end: str, length_m: float, cable: SequenceCable, rating_a: float) -> Line:
    return Line(name=name, from_bus=start, to_bus=end, length_m=length_m, cable=cable, rating_a=rating_a)


def _transformer(name: str, high_bus: str, low_bus: str, power_va: int) -> Transformer:
    short_circuit, copper, no_load, iron_w = TRANSFORMERS[power_va]
    return Transformer(
        name=name,
        from_bus=high_bus,
        to_bus=low_bus,
        power_va=float(power_va),
        high_v=HIGH_V,
        low_v=LOW_V,
        short_circuit_pu=short_circuit / 100.0,
        copper_loss_w=copper / 100.0 * power_va,
        iron_loss_w=iron_w,
        no_load_pu=no_load / 100.0,
        clock=5,
        tap_least=-TAPS,
        tap_most=TAPS,
        tap_step_pu=TAP_STEP_PU,
    )
