"""A feeder in plain words: buses, lines, transformers, one source, and the sites that hang on it.

Units stand in the names; nominal voltages are line to line, as on a name plate. Nothing here computes: `network.py`
does, with whatever solver it has. A mistake is a `ValueError` that names the element, the value and what is allowed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sim_hardware.physics.check import above, finite, within

Matrix = tuple[tuple[float, ...], ...]
Windings = Literal["Dyn", "YNyn", "YNd", "Yyn"]

WINDINGS: tuple[Windings, ...] = ("Dyn", "YNyn", "YNd", "Yyn")
# A delta against a star turns by an odd number of hours, alike windings by an even one.
ODD_CLOCK = ("Dyn", "YNd")


@dataclass(frozen=True, slots=True)
class Bus:
    """A place with one voltage per phase; `voltage_v` is nominal, line to line."""

    name: str
    voltage_v: float

    def __post_init__(self) -> None:
        above(f"bus {self.name}: voltage_v", self.voltage_v)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceCable:
    """A cable by its positive and zero sequence; every phase alike. Capacitance is to earth, both ends together."""

    r1_ohm_per_km: float
    x1_ohm_per_km: float
    r0_ohm_per_km: float
    x0_ohm_per_km: float
    c1_nf_per_km: float = 0.0
    c0_nf_per_km: float = 0.0

    def __post_init__(self) -> None:
        within("cable: r1_ohm_per_km", self.r1_ohm_per_km, 0.0)
        within("cable: r0_ohm_per_km", self.r0_ohm_per_km, 0.0)
        finite("cable: x1_ohm_per_km", self.x1_ohm_per_km)
        finite("cable: x0_ohm_per_km", self.x0_ohm_per_km)
        within("cable: c1_nf_per_km", self.c1_nf_per_km, 0.0)
        within("cable: c0_nf_per_km", self.c0_nf_per_km, 0.0)
        if self.r1_ohm_per_km == self.x1_ohm_per_km == 0.0:
            raise ValueError(
                "cable: r1_ohm_per_km and x1_ohm_per_km are 0; one must not be (join the two buses instead)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCable:
    """A cable by its primitive matrix, L1 L2 L3 (N): 4 x 4 with a neutral earthed at both ends, else 3 x 3.

    Row i, column k: series impedance between wire i and wire k with the common earth return; symmetric.
    """

    r_ohm_per_km: Matrix
    x_ohm_per_km: Matrix
    c1_nf_per_km: float = 0.0
    c0_nf_per_km: float = 0.0

    def __post_init__(self) -> None:
        _square("cable: r_ohm_per_km", self.r_ohm_per_km)
        _square("cable: x_ohm_per_km", self.x_ohm_per_km)
        if len(self.r_ohm_per_km) != len(self.x_ohm_per_km):
            raise ValueError(
                f"cable: r is {len(self.r_ohm_per_km)} wide and x {len(self.x_ohm_per_km)}; both must agree"
            )
        for wire, row in enumerate(self.r_ohm_per_km):
            above(f"cable: r_ohm_per_km[{wire}][{wire}]", row[wire])
        within("cable: c1_nf_per_km", self.c1_nf_per_km, 0.0)
        within("cable: c0_nf_per_km", self.c0_nf_per_km, 0.0)


Cable = SequenceCable | WireCable


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A piece of cable between two buses; a switch at either end may be open. Loading counts against `rating_a`."""

    name: str
    from_bus: str
    to_bus: str
    length_m: float
    cable: Cable
    rating_a: float
    from_closed: bool = True
    to_closed: bool = True

    def __post_init__(self) -> None:
        above(f"line {self.name}: length_m", self.length_m)
        above(f"line {self.name}: rating_a", self.rating_a)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer:
    """Two windings, `from_bus` on the high side. A tap above 0 adds turns on the high side: less voltage below."""

    name: str
    from_bus: str
    to_bus: str
    power_va: float
    high_v: float
    low_v: float
    short_circuit_pu: float
    copper_loss_w: float
    iron_loss_w: float = 0.0
    no_load_pu: float = 0.0
    windings: Windings = "Dyn"
    clock: int = 11
    tap: int = 0
    tap_least: int = 0
    tap_most: int = 0
    tap_step_pu: float = 0.0

    def __post_init__(self) -> None:
        name = f"transformer {self.name}"
        for field in ("power_va", "high_v", "low_v", "short_circuit_pu"):
            above(f"{name}: {field}", getattr(self, field))
        within(f"{name}: copper_loss_w", self.copper_loss_w, 0.0, self.short_circuit_pu * self.power_va)
        within(f"{name}: no_load_pu", self.no_load_pu, 0.0)
        within(f"{name}: iron_loss_w", self.iron_loss_w, 0.0)
        within(f"{name}: tap", self.tap, self.tap_least, self.tap_most)
        within(f"{name}: tap_step_pu", self.tap_step_pu, 0.0, 0.2)
        if self.windings not in WINDINGS:
            raise ValueError(f"{name}: windings are {self.windings!r}; known are {', '.join(WINDINGS)}")
        if not 0 <= self.clock < 12 or self.clock % 2 != (self.windings in ODD_CLOCK):
            parity = "odd" if self.windings in ODD_CLOCK else "even"
            raise ValueError(f"{name}: clock is {self.clock}; {self.windings} needs an {parity} hour from 0 to 11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The grid above: a voltage behind an impedance, or stiff where `short_circuit_va` is None.

    pandapower's balanced flow is always stiff, whatever short-circuit power its external grid states; a converter that
    carries that power over (100 MVA in CIGRE LV) is 0.008 pu low at the far end.
    """

    bus: str
    voltage_pu: float = 1.0
    short_circuit_va: float | None = None
    r_to_x: float = 0.1
    z0_to_z1: float = 1.0

    def __post_init__(self) -> None:
        within("source: voltage_pu", self.voltage_pu, 0.5, 1.5)
        if self.short_circuit_va is not None:
            above("source: short_circuit_va", self.short_circuit_va)
        within("source: r_to_x", self.r_to_x, 0.0)
        above("source: z0_to_z1", self.z0_to_z1)


@dataclass(frozen=True, slots=True)
class Site:
    """Where power is drawn: a home on a bus. Its three phases may differ."""

    name: str
    bus: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """The whole; rows of all results keep the order given here."""

    buses: tuple[Bus, ...]
    lines: tuple[Line, ...]
    source: Source
    transformers: tuple[Transformer, ...] = ()
    sites: tuple[Site, ...] = ()

    def __post_init__(self) -> None:
        for kind, items in (("bus", self.buses), ("line", self.lines), ("site", self.sites)):
            _distinct(kind, [each.name for each in items])
        _distinct("transformer", [each.name for each in self.transformers])
        known = {bus.name for bus in self.buses}
        branches: tuple[Line | Transformer, ...] = (*self.lines, *self.transformers)
        for branch in branches:
            _known(f"{type(branch).__name__.lower()} {branch.name}: from_bus", branch.from_bus, known)
            _known(f"{type(branch).__name__.lower()} {branch.name}: to_bus", branch.to_bus, known)
            if branch.from_bus == branch.to_bus:
                raise ValueError(f"{type(branch).__name__.lower()} {branch.name}: both ends are on bus {branch.to_bus}")
        for site in self.sites:
            _known(f"site {site.name}: bus", site.bus, known)
        _known("source: bus", self.source.bus, known)
        self._one_level_along_lines()
        self._all_fed()

    def _one_level_along_lines(self) -> None:
        level = {bus.name: bus.voltage_v for bus in self.buses}
        for line in self.lines:
            if level[line.from_bus] != level[line.to_bus]:
                raise ValueError(
                    f"line {line.name} joins {level[line.from_bus]:g} V to {level[line.to_bus]:g} V;"
                    " only a transformer may"
                )

    def _all_fed(self) -> None:
        neighbours: dict[str, list[str]] = {bus.name: [] for bus in self.buses}
        closed = [each for each in self.lines if each.from_closed and each.to_closed]
        joins: tuple[Line | Transformer, ...] = (*closed, *self.transformers)
        for branch in joins:
            neighbours[branch.from_bus].append(branch.to_bus)
            neighbours[branch.to_bus].append(branch.from_bus)
        reached, ahead = {self.source.bus}, [self.source.bus]
        while ahead:
            for name in neighbours[ahead.pop()]:
                if name not in reached:
                    reached.add(name)
                    ahead.append(name)
        for site in self.sites:
            if site.bus not in reached:
                raise ValueError(f"site {site.name} is on bus {site.bus}, which no closed line joins to the source")


def _distinct(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{kind} {name} is there twice; each name must be used once")
        seen.add(name)


def _known(what: str, bus: str, known: set[str]) -> None:
    if bus not in known:
        some = ", ".join(sorted(known)[:8]) + (", …" if len(known) > 8 else "")
        raise ValueError(f"{what} is {bus!r}, which is not there; known are {some}")


def _square(name: str, matrix: Matrix) -> None:
    width = len(matrix)
    if width not in (3, 4) or any(len(row) != width for row in matrix):
        raise ValueError(f"{name} has rows of {[len(row) for row in matrix]}; it must be 3 x 3 or 4 x 4")
    for i in range(width):
        for k in range(width):
            if finite(f"{name}[{i}][{k}]", matrix[i][k]) != matrix[k][i]:
                raise ValueError(
                    f"{name}[{i}][{k}] is {matrix[i][k]:g} and [{k}][{i}] {matrix[k][i]:g}; it must be symmetric"
                )
