"""A house as two masses: its air, and what stands in and around it (GridLAB-D's equivalent thermal parameters).

    Ca dTa/dt = UA (To - Ta) + Hm (Tm - Ta) + Qa        Cm dTm/dt = Hm (Ta - Tm) + Qm

Source: Taylor, Gowri, Katipamula, "GridLAB-D Technical Support Document: Residential End-Use Module", PNNL-17694 (2008).
"""

import math
from dataclasses import dataclass

from sim_hardware.physics.check import above, finite
from sim_hardware.physics.thermal.two_node import Matrix2, exponential

# One Btu/(degF h) in W/K and one Btu/degF in J/K (international table Btu).
W_PER_K: float = 1055.05585262 / 3600.0 * 1.8
J_PER_K: float = 1055.05585262 * 1.8


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseParams:
    """Envelope conductance, air and mass heat capacity, conductance between air and mass."""

    envelope_w_per_k: float
    air_j_per_k: float
    mass_j_per_k: float
    coupling_w_per_k: float

    def __post_init__(self) -> None:
        for field in self.__slots__:
            above(f"house: {field}", getattr(self, field))

    def propagator(self, dt_s: float) -> Matrix2[float]:
        """exp(A dt): what is left of the distance from rest, air and mass."""
        ca, cm, hm = self.air_j_per_k, self.mass_j_per_k, self.coupling_w_per_k
        return exponential(-(self.envelope_w_per_k + hm) / ca, hm / ca, hm / cm, -hm / cm, dt_s)


# GridLAB-D's default house: UA 573.19, Ca 1059.28, Cm 4293.81, Hm 9138.92 (Btu, degF, h).
GRIDLABD_DEFAULT = HouseParams(
    envelope_w_per_k=573.19 * W_PER_K,
    air_j_per_k=1059.28 * J_PER_K,
    mass_j_per_k=4293.81 * J_PER_K,
    coupling_w_per_k=9138.92 * W_PER_K,
)
# A renovated European terrace house, 140 m2: 160 W/K, light air and furniture, heavy masonry.
TERRACE = HouseParams(envelope_w_per_k=160.0, air_j_per_k=3.0e6, mass_j_per_k=30.0e6, coupling_w_per_k=1_500.0)


class House:
    """Set the weather and the gains, step, read the temperatures; exact while the inputs hold still."""

    def __init__(self, params: HouseParams = TERRACE, *, air_c: float = 20.0, mass_c: float | None = None) -> None:
        self.params = params
        self.air_c = finite("house: air_c", air_c)
        self.mass_c = air_c if mass_c is None else finite("house: mass_c", mass_c)
        self.outdoor_c = air_c
        self.air_gain_w = 0.0
        self.mass_gain_w = 0.0
        self._dt_s = math.nan
        self._keep: Matrix2[float] = (1.0, 0.0, 0.0, 1.0)

    def after(self, dt_s: float) -> None:
        """Let heat flow."""
        if dt_s != self._dt_s:
            aa, am, ma, mm = self.params.propagator(above("house: dt_s", dt_s))
            # numpy's own floats are slower, and would spread to everything that is warm.
            self._dt_s, self._keep = dt_s, (float(aa), float(am), float(ma), float(mm))
        rest_air_c, rest_mass_c = self.rest_c()
        air, mass = self.air_c - rest_air_c, self.mass_c - rest_mass_c
        aa, am, ma, mm = self._keep
        self.air_c = rest_air_c + aa * air + am * mass
        self.mass_c = rest_mass_c + ma * air + mm * mass

    def rest_c(self) -> tuple[float, float]:
        """Where air and mass would come to rest under the present inputs."""
        gains_w = self.air_gain_w + self.mass_gain_w
        air_c = self.outdoor_c + gains_w / self.params.envelope_w_per_k
        return air_c, air_c + self.mass_gain_w / self.params.coupling_w_per_k
