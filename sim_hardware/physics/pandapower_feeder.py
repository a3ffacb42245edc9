"""Feeders out of a pandapower network: CIGRE LV and MV, the IEEE European LV feeder, SimBench's (extra `sim`).

Read are: bus, line, trafo, ext_grid, load, asymmetric_load, sgen and switch. Static generators become sites that draw a
negative power. Anything else in service is refused by name rather than left out in silence.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_args

import numpy as np

from sim_hardware.physics.feeder import Bus, Feeder, Line, SequenceCable, Site, Source, Transformer, Windings
from sim_hardware.physics.network import Floats

# A pandapower network and a row of one of its tables; untyped there.
Net: TypeAlias = Any
Row: TypeAlias = Any
# Tables that carry power and are not read: a network that uses one must not be taken for another.
UNREAD: Final = (
    "gen",
    "shunt",
    "ward",
    "xward",
    "trafo3w",
    "impedance",
    "storage",
    "motor",
    "asymmetric_sgen",
    "dcline",
)
# Common for low-voltage cables where a network states no zero sequence.
ZERO_TO_POSITIVE: Final = 4.0
UNRATED_A: Final = 1e6


@dataclass(frozen=True, slots=True)
class Imported:
    """A feeder and the powers its file states, sites x 3, positive when drawn."""

    feeder: Feeder
    power_w: Floats
    reactive_var: Floats


def from_pandapower(net: Net, *, stiff: bool = True) -> Imported:
    """Convert; `stiff=False` puts the stated short-circuit power before the feeder, which pandapower's `runpp` does not."""
    for table in UNREAD:
        if table in net and bool(net[table]["in_service"].any()):
            raise ValueError(f"pandapower network: {table} is in service; only lines, transformers and loads are read")
    name = _names(net)
    sites = _sites(net, name)
    feeder = Feeder(
        buses=tuple(
            Bus(name[index], float(bus.vn_kv) * 1e3) for index, bus in net.bus.iterrows() if _kept(name, index, net)
        ),
        lines=tuple(_lines(net, name)),
        transformers=tuple(_transformer(index, row, name) for index, row in net.trafo[net.trafo.in_service].iterrows()),
        source=_source(net, name, stiff),
        sites=tuple(site for site, _ in sites),
    )
    powers = np.array([power for _, power in sites], dtype=complex).reshape(-1, 3)
    return Imported(feeder, powers.real.copy(), powers.imag.copy())


def _names(net: Net) -> dict[int, str]:
    """A name per bus index; buses joined by a closed switch share that of the least index."""
    stated = [str(each) for each in net.bus["name"]]
    by_name = len(set(stated)) == len(stated)
    joined = {index: index for index in net.bus.index}

    def root(index: int) -> int:
        while joined[index] != index:
            index = joined[index]
        return index

    for _, switch in net.switch[(net.switch.et == "b") & net.switch.closed].iterrows():
        low, high = sorted((root(switch.bus), root(switch.element)))
        joined[high] = low
    return {index: str(net.bus.at[root(index), "name"]) if by_name else str(root(index)) for index in joined}


def _kept(name: dict[int, str], index: int, net: Net) -> bool:
    return bool(net.bus.at[index, "in_service"]) and index == min(key for key in _peers(name, index))


def _peers(name: dict[int, str], index: int) -> list[int]:
    return [key for key, value in name.items() if value == name[index]]


def _lines(net: Net, name: dict[int, str]) -> list[Line]:
    opened = {
        (int(each.element), int(each.bus))
        for _, each in net.switch[(net.switch.et == "l") & ~net.switch.closed].iterrows()
    }
    return [
        Line(
            name=f"{row['name']}" if net.line["name"].is_unique else str(index),
            from_bus=name[row.from_bus],
            to_bus=name[row.to_bus],
            length_m=float(row.length_km) * 1e3,
            cable=_cable(row),
            rating_a=float(row.max_i_ka) * 1e3 * row.parallel * row.df if row.max_i_ka > 0 else UNRATED_A,
            from_closed=(index, row.from_bus) not in opened,
            to_closed=(index, row.to_bus) not in opened,
        )
        for index, row in net.line[net.line.in_service].iterrows()
    ]


def _cable(row: Row) -> SequenceCable:
    share = 1.0 / float(row.parallel)
    r1, x1, c1 = float(row.r_ohm_per_km), float(row.x_ohm_per_km), float(row.c_nf_per_km)
    return SequenceCable(
        r1_ohm_per_km=r1 * share,
        x1_ohm_per_km=x1 * share,
        r0_ohm_per_km=_stated(row, "r0_ohm_per_km", ZERO_TO_POSITIVE * r1) * share,
        x0_ohm_per_km=_stated(row, "x0_ohm_per_km", ZERO_TO_POSITIVE * x1) * share,
        c1_nf_per_km=c1 / share,
        c0_nf_per_km=_stated(row, "c0_nf_per_km", c1) / share,
    )


def _transformer(index: int, row: Row, name: dict[int, str]) -> Transformer:
    power_va = float(row.sn_mva) * 1e6 * row.parallel
    tap = int(_stated(row, "tap_pos", 0.0) - _stated(row, "tap_neutral", 0.0))
    if tap and str(row.tap_side) != "hv":
        raise ValueError(f"transformer {index}: a tap on the {row.tap_side} side; only the high side is read")
    clock = round(float(row.shift_degree) / 30.0) % 12
    windings = str(row.get("vector_group", "Dyn" if clock % 2 else "YNyn"))
    if windings not in get_args(Windings):
        raise ValueError(f"transformer {index}: vector_group is {windings}; known are {', '.join(get_args(Windings))}")
    neutral = int(_stated(row, "tap_neutral", 0.0))
    return Transformer(
        name=str(row["name"] or index),
        from_bus=name[row.hv_bus],
        to_bus=name[row.lv_bus],
        power_va=power_va,
        high_v=float(row.vn_hv_kv) * 1e3,
        low_v=float(row.vn_lv_kv) * 1e3,
        short_circuit_pu=float(row.vk_percent) / 100.0,
        copper_loss_w=float(row.vkr_percent) / 100.0 * power_va,
        iron_loss_w=float(row.pfe_kw) * 1e3 * row.parallel,
        no_load_pu=float(row.i0_percent) / 100.0,
        windings=windings,  # type: ignore[arg-type] # looked up above
        clock=clock,
        tap=tap,
        tap_least=int(_stated(row, "tap_min", neutral)) - neutral,
        tap_most=int(_stated(row, "tap_max", neutral)) - neutral,
        tap_step_pu=_stated(row, "tap_step_percent", 0.0) / 100.0,
    )


def _source(net: Net, name: dict[int, str], stiff: bool) -> Source:
    grids = net.ext_grid[net.ext_grid.in_service]
    if len(grids) != 1:
        raise ValueError(f"pandapower network: {len(grids)} external grids are in service; it must be one")
    row = grids.iloc[0]
    return Source(
        bus=name[row.bus],
        voltage_pu=float(row.vm_pu),
        short_circuit_va=None if stiff else float(row.s_sc_max_mva) * 1e6,
        r_to_x=_stated(row, "rx_max", 0.1),
    )


def _sites(net: Net, name: dict[int, str]) -> list[tuple[Site, tuple[complex, complex, complex]]]:
    sites = []
    for table, sign in (("load", 1.0), ("sgen", -1.0)):
        for index, row in net[table][net[table].in_service].iterrows():
            third = sign * complex(row.p_mw, row.q_mvar) * 1e6 * row.scaling / 3.0
            sites.append((Site(f"{row['name'] or table} ({table} {index})", name[row.bus]), (third, third, third)))
    for index, row in net.asymmetric_load[net.asymmetric_load.in_service].iterrows():
        a, b, c = (complex(row[f"p_{it}_mw"], row[f"q_{it}_mvar"]) * 1e6 * row.scaling for it in "abc")
        sites.append((Site(f"{row['name']} (asymmetric_load {index})", name[row.bus]), (a, b, c)))
    return sites


def _stated(row: Row, column: str, otherwise: float) -> float:
    value = row.get(column)
    return otherwise if value is None or (isinstance(value, float) and math.isnan(value)) else float(value)
