"""A feeder as the input tables of power-grid-model.

Source: power-grid-model user manual, "Components" (1.12). Sequence cables go to its `line`, wires to its `asym_line`, which
eliminates the neutral itself. A stiff source gets STIFF_VA: the solver's own default, 10 GVA, is 4e-5 pu soft on CIGRE LV.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from sim_hardware.physics.feeder import Feeder, Line, SequenceCable, Source, Transformer, WireCable

STIFF_VA: Final = 1e14
# Winding codes of power-grid-model: star 0, star with neutral 1, delta 2.
CODES: Final = {"Dyn": (2, 1), "YNyn": (1, 1), "YNd": (1, 2), "Yyn": (0, 1)}
WIRES: Final = "abcn"

# A structured array of power-grid-model, or one row of it.
Table: TypeAlias = Any
Make = Callable[[str, str, int], Table]


def input_tables(feeder: Feeder, make: Make) -> tuple[dict[str, Table], dict[str, Any]]:
    """The tables, and the ids (or rows) by which results are found again."""
    node = {bus.name: number for number, bus in enumerate(feeder.buses)}
    numbers = iter(range(len(node), 1_000_000_000))

    def ids(count: int) -> list[int]:
        return [next(numbers) for _ in range(count)]

    rows = {
        "line": [row for row, each in enumerate(feeder.lines) if isinstance(each.cable, SequenceCable)],
        "asym_line": [row for row, each in enumerate(feeder.lines) if isinstance(each.cable, WireCable)],
    }
    tables = {"node": make("input", "node", len(node))}
    tables["node"]["id"] = list(node.values())
    tables["node"]["u_rated"] = [bus.voltage_v for bus in feeder.buses]
    for kind, fill in (("line", _sequence), ("asym_line", _wires)):
        if rows[kind]:
            lines = [feeder.lines[row] for row in rows[kind]]
            tables[kind] = _branches(make("input", kind, len(lines)), lines, ids(len(lines)), node)
            for row, line in enumerate(lines):
                fill(tables[kind][row], line)
    transformer_ids = ids(len(feeder.transformers))
    if feeder.transformers:
        table = make("input", "transformer", len(feeder.transformers))
        tables["transformer"] = _branches(table, feeder.transformers, transformer_ids, node)
        for row, each in enumerate(feeder.transformers):
            _transformer(table[row], each)
    site_ids, (source_id,) = ids(len(feeder.sites)), ids(1)
    tables["asym_load"] = _sites(make("input", "asym_load", len(feeder.sites)), feeder, site_ids, node)
    tables["source"] = make("input", "source", 1)
    _source(tables["source"][0], feeder.source, source_id, node)
    return tables, {
        "transformer": transformer_ids,
        "asym_load": site_ids,
        "source": source_id,
        "line_rows": rows,
    }


def _branches(table: Table, items: Sequence[Line | Transformer], numbers: list[int], node: dict[str, int]) -> Table:
    table["id"] = numbers
    table["from_node"] = [node[each.from_bus] for each in items]
    table["to_node"] = [node[each.to_bus] for each in items]
    table["from_status"] = [not isinstance(each, Line) or each.from_closed for each in items]
    table["to_status"] = [not isinstance(each, Line) or each.to_closed for each in items]
    return table


def _sequence(row: Table, line: Line) -> None:
    cable, km = line.cable, line.length_m / 1000.0
    assert isinstance(cable, SequenceCable)  # the caller sorted them
    row["r1"], row["x1"] = cable.r1_ohm_per_km * km, cable.x1_ohm_per_km * km
    row["r0"], row["x0"] = cable.r0_ohm_per_km * km, cable.x0_ohm_per_km * km
    row["c1"], row["c0"] = cable.c1_nf_per_km * 1e-9 * km, cable.c0_nf_per_km * 1e-9 * km
    row["tan1"] = row["tan0"] = 0.0
    row["i_n"] = line.rating_a


def _wires(row: Table, line: Line) -> None:
    cable, km = line.cable, line.length_m / 1000.0
    assert isinstance(cable, WireCable)  # the caller sorted them
    for i in range(len(cable.r_ohm_per_km)):
        for k in range(i + 1):
            row[f"r_{WIRES[i]}{WIRES[k]}"] = cable.r_ohm_per_km[i][k] * km
            row[f"x_{WIRES[i]}{WIRES[k]}"] = cable.x_ohm_per_km[i][k] * km
    row["c1"], row["c0"] = cable.c1_nf_per_km * 1e-9 * km, cable.c0_nf_per_km * 1e-9 * km
    row["i_n"] = line.rating_a


def _transformer(row: Table, it: Transformer) -> None:
    row["u1"], row["u2"], row["sn"] = it.high_v, it.low_v, it.power_va
    row["uk"], row["pk"] = it.short_circuit_pu, it.copper_loss_w
    # The solver wants the magnetising current to carry at least the iron losses.
    row["i0"], row["p0"] = max(it.no_load_pu, it.iron_loss_w / it.power_va), it.iron_loss_w
    row["winding_from"], row["winding_to"] = CODES[it.windings]
    row["clock"] = it.clock
    row["tap_side"], row["tap_nom"], row["tap_pos"] = 0, 0, it.tap
    row["tap_min"], row["tap_max"] = it.tap_least, it.tap_most
    row["tap_size"] = it.tap_step_pu * it.high_v


def _sites(table: Table, feeder: Feeder, numbers: list[int], node: dict[str, int]) -> Table:
    table["id"] = numbers
    table["node"] = [node[site.bus] for site in feeder.sites]
    table["status"], table["type"] = 1, 0
    table["p_specified"] = table["q_specified"] = 0.0
    return table


def _source(row: Table, source: Source, number: int, node: dict[str, int]) -> None:
    row["id"], row["node"], row["status"] = number, node[source.bus], 1
    row["u_ref"] = source.voltage_pu
    row["sk"] = STIFF_VA if source.short_circuit_va is None else source.short_circuit_va
    row["rx_ratio"], row["z01_ratio"] = source.r_to_x, source.z0_to_z1
