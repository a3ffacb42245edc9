"""Meters with registers, one file for each model or family of models with the same map.

A single-phase meter names voltage and current by its phase, L1, and its power as the total, of which there is only one.
A power factor is left out where no source says by which convention it is signed.
"""

from typing import Final

from drivers.meters import (
    abb_b23,
    carlo_gavazzi_em24,
    carlo_gavazzi_em24_e1,
    carlo_gavazzi_em112,
    carlo_gavazzi_em340,
    eastron_sdm72d_m,
    eastron_single_phase,
    eastron_three_phase,
    schneider_iem3000,
    schneider_pm3200,
)
from drivers.register_meter import MeterType

TYPES: Final[tuple[MeterType, ...]] = (
    *eastron_three_phase.TYPES,
    *eastron_single_phase.TYPES,
    *eastron_sdm72d_m.TYPES,
    *carlo_gavazzi_em24.TYPES,
    *carlo_gavazzi_em24_e1.TYPES,
    *carlo_gavazzi_em112.TYPES,
    *carlo_gavazzi_em340.TYPES,
    *schneider_iem3000.TYPES,
    *schneider_pm3200.TYPES,
    *abb_b23.TYPES,
)
