"""A node in step lock: it enforces, it answers the same each time, and it refuses what is no next step."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from firmware_py.config import load
from firmware_py.hil.frames import BadFrame, Frame, Inbound, Outcome, parse
from firmware_py.hil.session import BadPlan, LockStep, Plan
from tests.firmware_py.hil.lab import HOME, frame, frames, plan, played

STEPS = 80


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LockStep]:
    with LockStep(plan(tmp_path)) as running:
        yield running


def outcomes(session: LockStep, steps: int = STEPS) -> list[Outcome]:
    return [session.step(each) for each in frames(steps)]


def test_a_contract_is_enforced_in_the_step_in_which_it_begins(session: LockStep) -> None:
    """From 10 s on 1500 W; cycles fall on the half second, so the setpoint is written in the step up to 11 s."""
    course = outcomes(session)
    first = next(each for each in course if each.t_s > 10.0 and each.written)
    assert first.t_s <= 11.0
    (written,) = first.written
    assert written.device == "cellar"
    assert written.setpoint_w is not None
    assert written.readback_w == pytest.approx(written.setpoint_w, abs=1.0)
    within = [each.values["grid.power_w"] for each in course if 17.0 <= each.t_s < 25.0]
    assert within == [pytest.approx(1500.0, abs=150.0)] * len(within)
    after = [each.values["grid.power_w"] for each in course if each.t_s > 34.0]
    assert after == [pytest.approx(0.0, abs=100.0)] * len(after)


def test_what_was_written_is_what_the_device_is_told(session: LockStep) -> None:
    for each in outcomes(session):
        for written in each.written:
            assert each.values["battery.setpoint_w"] == written.readback_w


def rows(journal: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(journal)) as db:
        records = db.execute("SELECT * FROM record ORDER BY stream, seq").fetchall()
        return records + db.execute("SELECT * FROM kept ORDER BY key").fetchall()


def test_the_same_frames_give_the_same_answers_and_the_same_journal(tmp_path: Path) -> None:
    courses, digests = [], []
    for name in ("one", "two"):
        with LockStep(plan(tmp_path, journal=tmp_path / name)) as session:
            courses.append(outcomes(session))
            digests.append(session.close())
    assert courses[0] == courses[1]
    assert digests[0] == digests[1] != courses[0][-1].digest  # the end lets go of the devices, and says so
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    assert len(rows(tmp_path / "one")) > 8


def test_one_value_that_differs_changes_the_digest_from_there_on(tmp_path: Path) -> None:
    with LockStep(plan(tmp_path)) as session:
        ordinary = outcomes(session, 20)
    with LockStep(plan(tmp_path)) as session:
        odd = [
            session.step(replaced(each, **{"grid.voltage_v": 231.0} if each.step == 9 else {})) for each in frames(20)
        ]
    same = [one.digest == other.digest for one, other in zip(ordinary, odd, strict=True)]
    assert same[:8] == [True] * 8
    assert not any(same[10:])


def replaced(old: Frame, **values: float) -> Frame:
    return Frame(old.step, old.t_s, {**old.values, **values}, old.messages)


def test_another_seed_is_another_home(tmp_path: Path) -> None:
    ends = []
    for seed in (1, 2):
        with LockStep(plan(tmp_path, seed=seed)) as session:
            ends.append(outcomes(session, 3)[-1].values["grid.frequency_hz"])
    assert ends[0] != ends[1]


@pytest.mark.parametrize("step_s", [0.05, 0.3, 2.0])
def test_any_step_ends_exactly_where_it_says(tmp_path: Path, step_s: float) -> None:
    with LockStep(plan(tmp_path, step_s)) as session:
        assert [each.t_s for each in map(session.step, frames(40, step_s))] == [k * step_s for k in range(1, 41)]


def test_the_node_lives_as_many_cycles_as_there_were_seconds(session: LockStep) -> None:
    played(session, 80)
    assert session._node.figures.cycles in (40, 41, 42)  # and one or two at once, for the contract


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Frame(2, 1.0), "step 2: step 1 is due"),
        (Frame(0, 0.0), "step 0: step 1 is due"),
        (Frame(1, 1.0), "t_s 1: step 1 of 0.5 s is at 0.5 s"),
        (Frame(1, float("nan")), "t_s nan"),
        (
            Frame(1, 0.5, {"grid.voltage": 1.0}),
            "grid.voltage: not a quantity that is taken; allowed are grid.voltage_v",
        ),
        (Frame(1, 0.5, {"grid.voltage_v": -1.0}), "grid.voltage_v = -1: 1 to 1000 is allowed"),
        (Frame(1, 0.5, {}, [Inbound("a/b", "")]), "topic 'a/b': allowed are busbar/1/home-1/contract/in"),
    ],
)
def test_what_is_no_next_step_is_refused_and_nothing_has_happened(session: LockStep, bad: Frame, said: str) -> None:
    with pytest.raises(BadFrame) as caught:
        session.step(bad)
    assert said in str(caught.value)
    assert session.step(frame(1)).step == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "truncated"),
        (b"[1]", "Expected `object`, got `array`"),
        (b'{"step": 1}', "t_s"),
        (b'{"step": 1.5, "t_s": 1}', "$.step"),
        (b'{"step": 1, "t_s": 1, "valeus": {}}', "valeus"),
        (b'{"step": 1, "t_s": 1, "values": {"a": "b"}}', "$.values[...]"),
        (b'{"step": 1, "t_s": NaN}', "invalid"),
        (b'{"end": 1}', "$.end"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "not a frame"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason(line: bytes, said: str) -> None:
    with pytest.raises(BadFrame) as caught:
        parse(line)
    assert said in str(caught.value)
    assert "allowed is {step, t_s, values, messages}" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "rest"\nmodel = "sdm630"', 'name = "rest"\nmodel = "sunspec-battery"', "one battery only"),
        ('meter = "meter"', 'meter = "rest"', ""),
    ],
)
def test_a_home_that_is_not_simulated_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    plan(tmp_path)
    (tmp_path / "home.toml").write_text(HOME.replace(old, new))
    loaded = load(tmp_path / "home.toml")
    if not said:  # which meter is which is the configuration's word
        Plan(loaded, 1.0)
        return
    with pytest.raises(BadPlan, match=said):
        Plan(loaded, 1.0)


@pytest.mark.parametrize("step_s", [0.0, -1.0, float("nan"), 1e9])
def test_a_step_no_lab_means_is_refused(tmp_path: Path, step_s: float) -> None:
    with pytest.raises(BadPlan, match=r"step .* s: 0\.001 to 3600 s is allowed"):
        replace(plan(tmp_path), step_s=step_s)


def test_a_node_that_breaks_is_heard_of(session: LockStep, monkeypatch: pytest.MonkeyPatch) -> None:
    session.step(frame(1))

    def broken(now_s: float) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(session._node, "_freeze", broken)
    with pytest.raises(ExceptionGroup) as caught:
        played_on(session)
    assert caught.group_contains(RuntimeError, match="a bug") if hasattr(caught, "group_contains") else True
    monkeypatch.undo()
    with pytest.raises(ExceptionGroup):
        session.close()


def played_on(session: LockStep) -> None:
    for number in range(2, 6):
        session.step(frame(number))
