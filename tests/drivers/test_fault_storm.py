"""Every fault of the matrix at random on every wire: 4,000 transactions in `make check`, 10^5 in `make test`, 10^6 in torture."""

import pytest

from sim_hardware.virtual_time import run_virtual
from tests.drivers.storm import Kind, Storm, faults_of

CASES: tuple[tuple[Kind, bool], ...] = (("tcp", False), ("rtu", False), ("rtu", True), ("rtu+tcp", False))
LONG_S = 1e9

each_wire = pytest.mark.parametrize(("kind", "alone"), CASES, ids=["tcp", "rtu", "rtu, one unit", "rtu+tcp"])


def raged(kind: Kind, alone: bool, seed: int, transactions: int) -> None:
    """No value is wrong, no write is repeated or confirmed without arriving, and the line is of use all the same."""
    score = run_virtual(Storm(kind, seed, alone=alone).rage(transactions), horizon_s=LONG_S)
    assert score.wrong == []
    assert score.asked >= transactions
    assert score.right > 0.2 * transactions, score
    assert set(score.struck) == {"good", *faults_of(kind)}


@each_wire
def test_no_value_is_wrong_whatever_the_line_does(kind: Kind, alone: bool, seed: int) -> None:
    raged(kind, alone, seed, 1_000)


@pytest.mark.slow
@each_wire
def test_no_value_is_wrong_in_a_hundred_thousand_transactions(kind: Kind, alone: bool, seed: int) -> None:
    raged(kind, alone, seed, 100_000 // len(CASES))


@pytest.mark.torture
@each_wire
def test_no_value_is_wrong_in_a_million_transactions(kind: Kind, alone: bool, seed: int) -> None:
    raged(kind, alone, seed, 1_000_000 // len(CASES))
