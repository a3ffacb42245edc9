"""A store of heat as the 1 s loop sees it: its temperature, what the owner bounds it by, and what warms and cools it."""

import msgspec


class Store(msgspec.Struct, frozen=True):
    """`temperature_c` is None where the sensor is dead or its reading too old. Bounds are those of now (a night has its own).

    `floor_c`: below it frost or worse threatens, whatever it costs. `reach_c`: what it must be heated to now against legionella
    (None: nothing due). `heaters` and `coolers` are loads by name; those of them in `by_itself` have a thermostat of their own, so
    that without a sensor they are left alone. `band_k`: the whole width of the dead band (None: the law's own). `is_tank`: water
    that is drawn, whose need comes by the hour of the day and not by the weather.
    """

    name: str
    temperature_c: float | None
    least_c: float
    most_c: float
    floor_c: float
    heaters: tuple[str, ...] = ()
    coolers: tuple[str, ...] = ()
    liked_c: float | None = None
    reach_c: float | None = None
    by_itself: tuple[str, ...] = ()
    band_k: float | None = None
    is_tank: bool = False
