"""Meters with registers, one file for each model or family of models with the same map.

A single-phase meter names voltage and current by its phase, L1, and its power as the total, of which there is only one.
A power factor is left out where no source says by which convention it is signed.
"""

from typing import Final

from drivers.meters import (
    abb_b23,
    bgetech_ds100,
    carlo_gavazzi_em24,
    carlo_gavazzi_em24_e1,
    carlo_gavazzi_em112,
    carlo_gavazzi_em340,
    chint_dtsu666,
    eastron_sdm72d_m,
    eastron_single_phase,
    eastron_three_phase,
    inepro_pro380,
    janitza_umg,
    schneider_iem3000,
    schneider_pm3200,
    shelly_pro_3em,
    siemens_pac,
    taiye_tac4300,
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
    *janitza_umg.TYPES,
    *siemens_pac.TYPES,
    *shelly_pro_3em.TYPES,
    *chint_dtsu666.TYPES,
    *inepro_pro380.TYPES,
    *taiye_tac4300.TYPES,
    *bgetech_ds100.TYPES,
)
