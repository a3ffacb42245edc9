"""Power flow of a three-phase feeder, unbalanced, by power-grid-model (LF Energy; extra `sim`).

A foreign solver on purpose: what is true in the simulation and what a controller estimates are different code.
Powers are per site and phase, positive when drawn, and constant whatever the voltage. Voltages are phase to neutral,
the neutral held to earth at both ends of every line (its own impedance counts, its own voltage does not).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim_hardware.physics.feeder import Feeder
from sim_hardware.physics.network_tables import Table, input_tables

if TYPE_CHECKING:
    from power_grid_model import PowerGridModel

# power-grid-model, imported late: the extra may be missing.
Module: TypeAlias = Any
Floats = NDArray[np.float64]

# Of the voltage, per unit; Newton's last step squares it.
TOLERANCE_PU = 1e-8
MOST_ITERATIONS = 20


class NoSolution(ValueError):
    """More power is asked for than the feeder can carry."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What flows; the last axis of a `…_v`, `…_a`, `…_w`, `…_var` is the phase, a batch adds a first axis."""

    voltage_v: Floats
    """Buses x 3, phase to neutral."""
    line_a: Floats
    """Lines x 3, the larger of both ends."""
    line_loading: Floats
    """Lines; the most loaded phase over the rating, 1 = at the rating."""
    transformer_loading: Floats
    """Transformers; apparent power over rated power."""
    source_w: Floats
    """3; what the grid above delivers (positive: the feeder imports), losses included."""
    source_var: Floats
    line_w: Floats
    """Lines x 3; at the `from` end, positive towards the `to` end."""
    line_var: Floats
    transformer_w: Floats
    """Transformers x 3; on the low side, positive where it delivers to the low side."""
    transformer_var: Floats


class PowerFlow:
    """A feeder made ready to be solved again and again."""

    def __init__(self, feeder: Feeder) -> None:
        pgm = _power_grid_model()
        self._pgm = pgm
        self.feeder = feeder
        tables, self._ids = input_tables(feeder, pgm.initialize_array)
        self._model: PowerGridModel = pgm.PowerGridModel(tables)
        self._rating_a = np.array([line.rating_a for line in feeder.lines])
        rows = {bus.name: row for row, bus in enumerate(feeder.buses)}
        self._site_rows = np.array([rows[site.bus] for site in feeder.sites], dtype=np.intp)

    def solve(self, power_w: Floats, reactive_var: Floats) -> Flow:
        """The flow under these powers, sites x 3."""
        self._model.update(update_data={"asym_load": self._loads(power_w, reactive_var, ())})
        return self._flow(self._calculate())

    def solve_many(self, power_w: Floats, reactive_var: Floats) -> Flow:
        """The flows of many moments at once, moments x sites x 3; one core."""
        count = np.shape(power_w)[0]
        loads = self._loads(power_w, reactive_var, (count,))
        return self._flow(self._calculate(update_data={"asym_load": loads}, threading=-1))

    def set_tap(self, transformer: str, tap: int) -> None:
        """Move a transformer's tap from now on."""
        names = [each.name for each in self.feeder.transformers]
        if transformer not in names:
            raise ValueError(f"transformer {transformer!r} is not there; known are {', '.join(names)}")
        row = names.index(transformer)
        least, most = self.feeder.transformers[row].tap_least, self.feeder.transformers[row].tap_most
        if not least <= tap <= most:
            raise ValueError(f"transformer {transformer}: tap is {tap}; it must be {least} to {most}")
        change = self._pgm.initialize_array("update", "transformer", 1)
        change["id"], change["tap_pos"] = self._ids["transformer"][row], tap
        self._model.update(update_data={"transformer": change})

    def set_source(self, voltage_pu: float) -> None:
        """Change the voltage of the grid above from now on."""
        if not 0.5 <= voltage_pu <= 1.5:
            raise ValueError(f"source: voltage_pu is {voltage_pu:g}; it must be 0.5 to 1.5")
        change = self._pgm.initialize_array("update", "source", 1)
        change["id"], change["u_ref"] = self._ids["source"], voltage_pu
        self._model.update(update_data={"source": change})

    def at_sites(self, voltage_v: Floats) -> Floats:
        """The rows of the sites' buses out of a flow's `voltage_v`: (…) x sites x 3."""
        return voltage_v[..., self._site_rows, :]

    def _loads(self, power_w: Floats, reactive_var: Floats, batch: tuple[int, ...]) -> Table:
        shape = (*batch, len(self.feeder.sites), 3)
        for name, values in (("power_w", power_w), ("reactive_var", reactive_var)):
            self._check(name, np.asarray(values, dtype=float), shape)
        loads = self._pgm.initialize_array("update", "asym_load", shape[:-1])
        loads["id"] = self._ids["asym_load"]
        loads["p_specified"], loads["q_specified"] = power_w, reactive_var
        return loads

    def _check(self, name: str, values: Floats, shape: tuple[int, ...]) -> None:
        if values.shape != shape:
            raise ValueError(f"{name} is {values.shape}; it must be {shape}, sites x phases last")
        if not np.isfinite(values).all():
            worst = tuple(int(at) for at in np.argwhere(~np.isfinite(values))[0])
            site = self.feeder.sites[worst[-2]].name
            raise ValueError(f"{name} of site {site} on phase {worst[-1] + 1} is {values[worst]}; it must be finite")

    def _calculate(self, **options: Any) -> Table:
        """Iterate the currents (two to three times faster), and take Newton's way where that does not settle."""
        errors = self._pgm.errors
        try:
            return self._attempt("iterative_current", options)
        except (errors.IterationDiverge, errors.PowerGridBatchError):
            pass
        try:
            return self._attempt("newton_raphson", options)
        except (errors.IterationDiverge, errors.PowerGridBatchError, errors.SparseMatrixError) as error:
            raise NoSolution(f"the feeder cannot carry these powers: {str(error).splitlines()[0]}") from error

    def _attempt(self, method: str, options: dict[str, Any]) -> Table:
        return self._model.calculate_power_flow(
            symmetric=False,
            error_tolerance=TOLERANCE_PU,
            max_iterations=MOST_ITERATIONS,
            calculation_method=method,
            output_component_types={"node", "asym_line", "line", "transformer", "source"},
            **options,
        )

    def _flow(self, result: Table) -> Flow:
        line_a = self._lines(result, lambda table: np.maximum(table["i_from"], table["i_to"]))
        transformers, source = result.get("transformer"), result["source"]
        none = np.empty((*line_a.shape[:-2], 0, 3))
        return Flow(
            voltage_v=result["node"]["u"],
            line_a=line_a,
            line_loading=line_a.max(axis=-1) / self._rating_a,
            transformer_loading=none[..., 0] if transformers is None else transformers["loading"],
            source_w=source["p"][..., 0, :],
            source_var=source["q"][..., 0, :],
            line_w=self._lines(result, lambda table: table["p_from"]),
            line_var=self._lines(result, lambda table: table["q_from"]),
            transformer_w=none if transformers is None else -transformers["p_to"],
            transformer_var=none if transformers is None else -transformers["q_to"],
        )

    def _lines(self, result: Table, pick: Callable[[Table], Floats]) -> Floats:
        """Lines x 3 in the feeder's order out of the two tables they were put in."""
        picked = np.empty((*result["source"]["p"].shape[:-2], len(self.feeder.lines), 3))
        for table, rows in self._ids["line_rows"].items():
            if len(rows):
                picked[..., rows, :] = pick(result[table])
        return picked


def _power_grid_model() -> Module:
    try:
        import power_grid_model  # noqa: PLC0415 -- an extra
        import power_grid_model.errors  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "power_grid_model":
            raise
        raise ModuleNotFoundError(
            "the network needs power-grid-model, which is in the extra `sim`: python -m pip install --editable '.[sim]'",
            name=error.name,
        ) from error
    return power_grid_model
