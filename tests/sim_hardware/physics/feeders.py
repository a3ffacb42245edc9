"""Feeders made by hand for the tests, and OpenDSS fed with one from its plain description."""

import cmath

import numpy as np

from sim_hardware.physics.feeder import (
    Bus,
    Feeder,
    Line,
    SequenceCable,
    Site,
    Source,
    Transformer,
    WireCable,
)
from sim_hardware.physics.network import Floats

# Four equal wires in a bundle: a common 0.05 + j0.55 ohm/km through earth, 0.32 + j0.1 ohm/km of their own.
OVERHEAD = WireCable(
    r_ohm_per_km=tuple(tuple(0.37 if i == k else 0.05 for k in range(4)) for i in range(4)),
    x_ohm_per_km=tuple(tuple(0.75 if i == k else 0.45 + 0.02 * abs(i - k) for k in range(4)) for i in range(4)),
)
NAYY = SequenceCable(r1_ohm_per_km=0.206, x1_ohm_per_km=0.080, r0_ohm_per_km=0.824, x0_ohm_per_km=0.320)


def street(cable: SequenceCable | WireCable = NAYY, **source: float) -> Feeder:
    """A transformer, four pieces of cable with a branch, three homes."""
    ends = (("bar", "a"), ("a", "b"), ("b", "c"), ("a", "d"))
    return Feeder(
        buses=(Bus("mv", 20_000.0), *(Bus(name, 400.0) for name in ("bar", "a", "b", "c", "d"))),
        lines=tuple(
            Line(name=f"{one}-{two}", from_bus=one, to_bus=two, length_m=200.0, cable=cable, rating_a=200.0)
            for one, two in ends
        ),
        transformers=(
            Transformer(
                name="t", from_bus="mv", to_bus="bar", power_va=250_000.0, high_v=20_000.0, low_v=400.0,
                short_circuit_pu=0.04, copper_loss_w=3_250.0, tap_least=-2, tap_most=2, tap_step_pu=0.025,
            ),
        ),
        source=Source(bus="mv", **source),
        sites=(Site("home c", "c"), Site("home d", "d"), Site("home b", "b")),
    )  # fmt: skip


UNEVEN_W = np.array([[6e3, 1e3, -4e3], [0.0, 9e3, 500.0], [2e3, 2e3, 2e3]])
UNEVEN_VAR = np.array([[1e3, 200.0, 0.0], [0.0, -2e3, 100.0], [0.0, 0.0, 0.0]])


def opendss(feeder: Feeder, power_w: Floats, reactive_var: Floats) -> tuple[Floats, Floats]:
    """Bus voltages and line currents (largest end) by OpenDSS; loads of constant power at any voltage."""
    import dss

    engine = dss.DSS
    engine.AllowForms = False
    number = {bus.name: f"b{row}" for row, bus in enumerate(feeder.buses)}
    for command in _commands(feeder, number, power_w, reactive_var):
        engine.Text.Command = command
    circuit = engine.ActiveCircuit
    assert circuit.Solution.Converged
    volts, amperes = [], []
    for bus in feeder.buses:
        circuit.SetActiveBus(number[bus.name])
        volts.append(circuit.ActiveBus.VMagAngle[::2][:3])
    for row in range(len(feeder.lines)):
        circuit.SetActiveElement(f"line.l{row}")
        both = circuit.ActiveCktElement.CurrentsMagAng[::2]
        amperes.append(np.maximum(both[:3], both[len(both) // 2 : len(both) // 2 + 3]))
    return np.array(volts), np.array(amperes)


def _commands(feeder: Feeder, number: dict[str, str], power_w: Floats, reactive_var: Floats) -> list[str]:
    source, level = feeder.source, {bus.name: bus.voltage_v for bus in feeder.buses}
    kv = level[source.bus] / 1e3
    stiff = 1e9 if source.short_circuit_va is None else source.short_circuit_va / 1e6
    # Impedance of the source from its short-circuit power, R/X and Z0/Z1.
    z = kv * kv / stiff * cmath.exp(1j * cmath.phase(complex(source.r_to_x, 1.0)))
    zero = source.z0_to_z1
    levels = " ".join(f"{v / 1e3}" for v in sorted(set(level.values())))
    return [
        "clear",
        "set DefaultBaseFrequency=50",
        (
            f"new circuit.it basekv={kv} pu={source.voltage_pu} bus1={number[source.bus]} phases=3"
            f" r1={z.real} x1={z.imag} r0={zero * z.real} x0={zero * z.imag}"
        ),
        *(_transformer(number, each) for each in feeder.transformers),
        *(_line(number, row, each) for row, each in enumerate(feeder.lines)),
        *(
            f"new load.s{row}p{phase} phases=1 bus1={number[site.bus]}.{phase + 1} kv={level[site.bus] / 3**0.5 / 1e3}"
            f" kw={power_w[row, phase] / 1e3} kvar={reactive_var[row, phase] / 1e3} model=1 vminpu=0.1 vmaxpu=2"
            for row, site in enumerate(feeder.sites)
            for phase in range(3)
            if power_w[row, phase] or reactive_var[row, phase]
        ),
        f"set voltagebases=[{levels}]",
        "calcvoltagebases",
        "set tolerance=1e-10",
        "set maxiterations=100",
        "solve",
    ]


def _transformer(number: dict[str, str], it: Transformer) -> str:
    assert it.windings == "Dyn"
    assert it.clock in (1, 11)
    r_pu = it.copper_loss_w / it.power_va
    x_pu = (it.short_circuit_pu**2 - r_pu**2) ** 0.5
    return (
        f"new transformer.{it.name} phases=3 windings=2 buses=[{number[it.from_bus]} {number[it.to_bus]}]"
        f" conns=[delta wye] kVs=[{it.high_v / 1e3} {it.low_v / 1e3}] kVAs=[{it.power_va / 1e3} {it.power_va / 1e3}]"
        f" xhl={100.0 * x_pu} %loadloss={100.0 * r_pu} ppm_antifloat=0 leadlag={'lead' if it.clock == 11 else 'lag'}"
        f" taps=[{1.0 + it.tap * it.tap_step_pu} 1]"
    )


def _line(number: dict[str, str], row: int, it: Line) -> str:
    start = f"new line.l{row} length={it.length_m / 1e3} units=km"
    one, two = number[it.from_bus], number[it.to_bus]
    if isinstance(it.cable, SequenceCable):
        c = it.cable
        return (
            f"{start} phases=3 bus1={one} bus2={two} r1={c.r1_ohm_per_km} x1={c.x1_ohm_per_km} r0={c.r0_ohm_per_km}"
            f" x0={c.x0_ohm_per_km} c1={c.c1_nf_per_km} c0={c.c0_nf_per_km}"
        )
    width = len(it.cable.r_ohm_per_km)
    r, x = (
        " | ".join(" ".join(str(value) for value in row) for row in matrix)
        for matrix in (it.cable.r_ohm_per_km, it.cable.x_ohm_per_km)
    )
    nodes = ".1.2.3" + ".0" * (width - 3)  # the neutral's ends are earth
    zeros = " | ".join(" ".join("0" for _ in range(width)) for _ in range(width))
    return f"{start} phases={width} bus1={one}{nodes} bus2={two}{nodes} rmatrix=[{r}] xmatrix=[{x}] cmatrix=[{zeros}]"
