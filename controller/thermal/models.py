"""Models of what stores heat, as small as a plan needs them. SI; heat flows are positive into the store.

They are believed, not true: `controller.thermal` learns their parameters, and the sensor corrects their state.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HouseModel:
    """Two masses: the air, and what stands in and around it.

        Ca dTa/dt = UA (To - Ta) + Hm (Tm - Ta) + Qa        Cm dTm/dt = Hm (Ta - Tm)

    `gain_w` is what people and devices add to the air at all times, `aperture_m2` times the sun on a horizontal square metre
    what the sun adds (0: not looked at). Source: Taylor, Gowri, Katipamula, "GridLAB-D
    Technical Support Document: Residential End-Use Module", PNNL-17694 (2008).
    """

    envelope_w_per_k: float
    air_j_per_k: float
    mass_j_per_k: float
    coupling_w_per_k: float
    gain_w: float = 0.0
    aperture_m2: float = 0.0


@dataclass(frozen=True, slots=True)
class TankModel:
    """One mass of water of even temperature, in a room of `room_c`: C dT/dt = U (room - T) + Q - draw."""

    heat_j_per_k: float
    loss_w_per_k: float
    room_c: float = 18.0
