"""HiGHS behind four questions; the only module that knows it. It counts its own time, for decisions have no clock."""

from dataclasses import dataclass
from math import inf

import highspy
import numpy as np
from highspy import HighsModelStatus as Status

from controller.planning.problem import Arrays, Index
from controller.planning.site import Floats

COLUMN_WISE, MINIMIZE = 1, 1


class SolverFailed(Exception):
    """HiGHS gave no answer; the message says what it said."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Values, duals of rows (money for one more on the right-hand side), the objective, and the bound no solution is under."""

    x: Floats
    duals: Floats
    objective: float
    bound: float
    in_time: bool = False


class Solver:
    """One problem at a time; the basis of the last one starts the next of the same shape."""

    def __init__(self) -> None:
        self._highs = _quiet()
        self._mip = _quiet()
        # There is a good start already: searching neighbourhoods took half of the time and found little.
        self._mip.setOptionValue("mip_heuristic_run_rens", False)
        self._mip.setOptionValue("mip_heuristic_run_rins", False)
        self._basis: tuple[tuple[int, ...], highspy.HighsBasis] | None = None
        self.spent_s = 0.0

    def load(self, arrays: Arrays, shape: tuple[int, ...]) -> None:
        """Take a problem, relaxed, and start from the last basis if it is of the same shape."""
        _pass(self._highs, arrays, whole=False)
        if self._basis is not None and self._basis[0] == shape:
            self._highs.setBasis(self._basis[1])
        self._lower, self._upper = arrays.lower.copy(), arrays.upper.copy()
        self._shape = shape

    def solve(self, *, keep: bool = False, limit_s: float = inf) -> Solution:
        """The relaxed problem as it stands. `keep`: its basis starts the next problem."""
        # A relaxed run counts from the first one on, branch and bound (below) from its own begin: HiGHS 1.15.1, measured.
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + limit_s)
        status = self._run(self._highs)
        for method in ("choose", "ipm"):
            if status in (Status.kOptimal, Status.kTimeLimit):
                break
            self._highs.clearSolver()  # a basis may lead astray where a cold start does not, the simplex where ipm does not
            self._highs.setOptionValue("solver", method)
            status = self._run(self._highs)
        self._highs.setOptionValue("solver", "choose")
        if status != Status.kOptimal:
            raise SolverFailed(f"the relaxed plan is {self._highs.modelStatusToString(status)}, expected Optimal")
        if keep:
            self._basis = self._shape, self._highs.getBasis()
        found, objective = self._highs.getSolution(), self._highs.getInfo().objective_function_value
        return Solution(np.array(found.col_value), np.array(found.row_dual), objective, objective)

    def below(self, limit: float) -> float:
        """The objective of the relaxed problem as it stands; infinite where it is none or not under the limit."""
        self._highs.setOptionValue("time_limit", inf)
        self._highs.setOptionValue("objective_bound", limit)
        status = self._run(self._highs)
        self._highs.setOptionValue("objective_bound", inf)
        return float(self._highs.getInfo().objective_function_value) if status == Status.kOptimal else inf

    def fix(self, columns: Index, lower: Floats, upper: Floats) -> None:
        """Other bounds for some columns."""
        self._highs.changeColsBounds(columns.size, columns.astype(np.int32), lower, upper)

    def bound_row(self, row: int, lower: float, upper: float) -> None:
        """Other bounds for one row."""
        self._highs.changeRowBounds(row, lower, upper)

    def free(self, rows: Index) -> None:
        """Rows that bind no longer."""
        for row in rows:
            self._highs.changeRowBounds(int(row), -inf, inf)

    def whole(self, arrays: Arrays, start: Floats | None, limit_s: float, gap: float) -> Solution | None:
        """The problem with whole columns, from a solution where one is known; None where nothing was found in time."""
        _pass(self._mip, arrays, whole=True)
        if start is not None:
            known = highspy.HighsSolution()
            known.col_value = list(start)
            self._mip.setSolution(known)
        self._mip.setOptionValue("time_limit", limit_s)
        self._mip.setOptionValue("mip_rel_gap", 0.0)
        self._mip.setOptionValue("mip_abs_gap", gap)
        status = self._run(self._mip)
        info = self._mip.getInfo()
        if status not in (Status.kOptimal, Status.kTimeLimit):
            raise SolverFailed(
                f"the whole plan is {self._mip.modelStatusToString(status)}, expected Optimal or Time limit"
            )
        if info.primal_solution_status != int(highspy.SolutionStatus.kSolutionStatusFeasible):
            return None
        x = np.array(self._mip.getSolution().col_value)
        return Solution(x, np.zeros(0), info.objective_function_value, info.mip_dual_bound, status == Status.kTimeLimit)

    def _run(self, highs: highspy.Highs) -> Status:
        before_s = highs.getRunTime()
        highs.run()
        self.spent_s += highs.getRunTime() - before_s
        return highs.getModelStatus()


def _quiet() -> highspy.Highs:
    """One thread and one seed: the same problem from the same start has the same answer."""
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 1), ("parallel", "off")):
        highs.setOptionValue(option, value)
    return highs


def _pass(highs: highspy.Highs, arrays: Arrays, *, whole: bool) -> None:
    n, m = arrays.cost.size, arrays.row_lower.size
    integrality = np.zeros(n, np.int32)
    if whole:
        integrality[arrays.whole] = 1
    status = highs.passModel(
        n, m, arrays.index.size, COLUMN_WISE, MINIMIZE, 0.0, arrays.cost, arrays.lower, arrays.upper,
        arrays.row_lower, arrays.row_upper, arrays.start[:-1], arrays.index, arrays.value, integrality,
    )  # fmt: skip
    if status == highspy.HighsStatus.kError:
        raise SolverFailed(f"HiGHS refused a problem of {n} columns and {m} rows")
