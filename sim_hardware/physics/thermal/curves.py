"""How capacity and coefficient of performance of an air-source machine follow the outdoor temperature.

Source: GridLAB-D `residential/house_e.cpp` (release 5.3), the curves named DEFAULT; rated at 47 degF heating and
95 degF cooling, where they are 1 within 0.1 %. Outside of its fitted range a curve is held at the range's end.
"""

from sim_hardware.physics.thermal.two_node import Real


def _fahrenheit(outdoor_c: Real) -> Real:
    return outdoor_c * 1.8 + 32.0


def heating_capacity(outdoor_c: Real) -> Real:
    """Heat that can be delivered, over the rated heat."""
    f = _fahrenheit(outdoor_c)
    return 0.34148808 + f * (0.00894102 + f * 0.00010787)


def heating_input(outdoor_c: Real) -> Real:
    """Rated COP over present COP; GridLAB-D holds it from 80 degF up (`hold` does that)."""
    f = _fahrenheit(outdoor_c)
    return 2.03914613 + f * (-0.03906753 + f * (0.00045617 - f * 0.00000203))


def cooling_capacity(outdoor_c: Real) -> Real:
    """Heat that can be removed, over the rated cooling."""
    return 1.48924533 - _fahrenheit(outdoor_c) * 0.00514995


def cooling_input(outdoor_c: Real) -> Real:
    """Rated COP over present COP; GridLAB-D holds it from 40 degF down."""
    return _fahrenheit(outdoor_c) * 0.01066989 - 0.01363961


# What the curves were fitted to: below, capacity would rise again; above, the input would.
COLDEST_C = -25.0
WARMEST_HEATING_C = (80.0 - 32.0) / 1.8
COLDEST_COOLING_C = (40.0 - 32.0) / 1.8
HOTTEST_C = 55.0
