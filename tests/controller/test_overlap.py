"""Contracts of a common time: their sum, worked by hand, and against a sum at every second."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.admission import AdmissionPolicy
from controller.book import Entry, entry_of
from controller.capacity import Capacity
from controller.overlap import too_much
from protocols.contracts import Contract, Dispatch, Energy, Limit, Option, Reprofile, Step, at_power, power_of

UTC_NOW = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
POLICY = AdmissionPolicy("home-1", import_limit_w=9000.0, export_limit_w=6000.0)


def made(kind: type[Contract], number: int = 1, start_s: float = 0, end_s: float = 900, **own: Any) -> Contract:
    start, end = (UTC_NOW + timedelta(seconds=each) for each in (start_s, end_s))
    given = {"id": f"c{number}", "seq": number, "iss": "p2p", "aud": "home-1", "start": start, "end": end}
    return kind(**given, **own)  # type: ignore[arg-type]


def energy(power_w: float, number: int = 1, start_s: float = 0, end_s: float = 900) -> Contract:
    return made(Energy, number, start_s, end_s, peer="x", energy_wh=power_w / 60, interval_s=60)


def reprofile(change_w: float, number: int = 1, start_s: float = 0, end_s: float = 900) -> Contract:
    return made(Reprofile, number, start_s, end_s, change_w=change_w)


def option(least_w: float, most_w: float, number: int = 1) -> Contract:
    return made(Option, number, least_w=least_w, most_w=most_w)


def entered(*contracts: Contract) -> list[Entry]:
    return [entry_of(each, b"", 0.0, UTC_NOW) for each in contracts]


def fits(*contracts: Contract) -> bool:
    *others, new = entered(*contracts)
    return too_much(others, new, POLICY) is None


@pytest.mark.parametrize(
    ("contracts", "expected"),
    [
        ((energy(5000, 1), energy(4000, 2)), True),
        ((energy(5000, 1), energy(4001, 2)), False),
        ((energy(5000, 1, 0, 60), energy(5000, 2, 60, 120)), True),  # one after the other
        ((energy(-3000, 1), energy(-3001, 2)), False),
        ((energy(5000, 1), reprofile(4000, 2)), True),
        ((energy(5000, 1), reprofile(4001, 2)), False),
        ((energy(5000, 1), option(-11_000, 4000, 2)), True),
        ((energy(5000, 1), option(-11_001, 4000, 2)), False),
        ((reprofile(8000, 1), reprofile(7000, 2)), True),  # without a base: from one limit to the other
        ((reprofile(8000, 1), reprofile(7001, 2)), False),
        ((energy(9000, 1), made(Dispatch, 2, power_w=9000.0)), True),  # supersedes, adds nothing
        ((energy(9000, 1), made(Limit, 2, schedule=(Step(UTC_NOW, 0.0, 0.0),))), True),
    ],
)
def test_the_sum_fits_the_connection(contracts: tuple[Contract, ...], expected: bool) -> None:
    assert fits(*contracts) is expected


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5), st.integers(-5000, 5000)), min_size=1, max_size=8),
)
def test_like_a_sum_at_every_moment(parts: list[tuple[int, int, int]]) -> None:
    contracts = [energy(w, n, 60 * at, 60 * (at + length)) for n, (at, length, w) in enumerate(parts)]
    new_at, new_length, _ = parts[-1]
    sums = [
        sum(w for at, length, w in parts if at <= moment < at + length) for moment in range(new_at, new_at + new_length)
    ]
    assert fits(*contracts) is all(-6000 <= total <= 9000 for total in sums)


@pytest.mark.parametrize(
    ("contract", "left_w"),
    [(energy(3000), 1000.0), (reprofile(-3000), 1000.0), (option(-3000, 2000), 1000.0), (option(-500, 2000), 700.0)],
)
def test_partly_approved_keeps_the_direction(contract: Contract, left_w: float) -> None:
    cut = at_power(contract, left_w)
    assert abs(power_of(cut)) == pytest.approx(left_w)
    assert power_of(contract) * power_of(cut) > 0
    assert at_power(cut, left_w) == cut


def test_a_cap_is_shared_by_direction_and_time() -> None:
    zone = Capacity(5000.0)
    for contract, verdict, left_w in (
        (energy(3000, 1), "full", None),
        (energy(3000, 2), "partly", 2000.0),
        (energy(10, 3), "refused", None),
        (energy(-4000, 4), "full", None),  # the other direction
        (energy(5000, 5, 900, 1800), "full", None),  # another time
        (energy(3000, 1), "full", None),  # the same again is itself
        (option(-2000, 1, 6), "refused", None),
    ):
        found = zone.check(contract)
        assert (found.verdict, found.power_w) == (verdict, left_w), contract.id
        assert ("power cap of 5000 W" in found.binding) is (verdict != "full")
        zone = zone.with_approved(contract, found)
    assert [each.id for each in zone.without_past(UTC_NOW + timedelta(seconds=900)).approved] == ["c5"]
