"""What HiGHS is asked again where it has no answer, and that a limit stops it early."""

from math import inf

import highspy
import numpy as np
import pytest
from highspy import HighsModelStatus as Status

from controller.planning.problem import Problem
from controller.planning.solver import Solver, SolverFailed


def solver() -> Solver:
    """Least 2 x + y with x + y >= 3 and y <= 2: 4, at x = 1 and y = 2."""
    problem = Problem()
    x, y = problem.columns(1, cost=2.0), problem.columns(1, 0.0, 2.0, 1.0)
    row = problem.rows(1, 3.0, inf)
    problem.put(row, x, 1.0)
    problem.put(row, y, 1.0)
    found = Solver()
    found.load(problem.arrays(), (1,))
    return found


@pytest.mark.parametrize("often", [0, 1, 2])
def test_without_an_answer_it_is_asked_cold_and_then_by_another_method(
    often: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, asked = Solver._run, list[str]()

    def strange(self: Solver, highs: highspy.Highs) -> Status:
        asked.append(str(highs.getOptionValue("solver")[1]))
        return run(self, highs) if len(asked) > often else Status.kUnknown

    monkeypatch.setattr(Solver, "_run", strange)
    one = solver()
    assert one.solve().objective == pytest.approx(4.0)
    assert asked == ["choose", "choose", "ipm"][: often + 1]
    one.solve()
    assert asked[-1] == "choose"


def test_three_times_no_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Solver, "_run", lambda *_: Status.kUnknown)
    with pytest.raises(SolverFailed, match="expected Optimal"):
        solver().solve()


def test_what_is_not_under_the_limit_is_infinite() -> None:
    one = solver()
    assert one.below(5.0) == pytest.approx(4.0)
    one.fix(np.array([0]), np.array([2.0]), np.array([2.0]))
    assert one.below(inf) == pytest.approx(5.0)
    one.fix(np.array([0]), np.array([0.5]), np.array([0.5]))
    assert one.below(inf) == inf
    one.free(np.array([0]))
    assert one.below(inf) == pytest.approx(1.0)
