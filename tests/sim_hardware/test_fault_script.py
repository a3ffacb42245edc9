"""Scripts of faults: read from plain data, drawn from a seed, played on virtual time."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from sim_hardware.fault_script import FaultEvent, FaultScript, RandomFaults, clock_jumps
from sim_hardware.faults import Faults, Word, check_argument
from sim_hardware.virtual_time import VirtualClock, run_virtual

ROWS: list[dict[str, Any]] = [
    {"at_s": 30, "word": "off", "device": "pv"},
    {"at_s": 10, "for_s": 5, "word": "delay", "argument": 0.5, "device": "grid"},
    {"at_s": 15.0, "for_s": 5, "word": "delay", "argument": 2, "device": "grid"},
    {"at_s": 0, "for_s": 1, "word": "single-connection", "argument": "kick", "device": "grid"},
]


def test_rows_are_read_and_put_in_order() -> None:
    assert FaultScript.from_data(ROWS, ["grid", "pv"]).events == (
        FaultEvent(0.0, Word.SINGLE_CONNECTION, "grid", 1.0, "kick"),
        FaultEvent(10.0, Word.DELAY, "grid", 5.0, 0.5),
        FaultEvent(15.0, Word.DELAY, "grid", 5.0, 2),
        FaultEvent(30.0, Word.OFF, "pv"),
    )


def test_a_script_is_played_to_the_second() -> None:
    async def film() -> list[tuple[float, str, dict[str, float]]]:
        loop = asyncio.get_running_loop()
        faults = {"grid": Faults(), "pv": Faults()}
        trace: list[tuple[float, str, dict[str, float]]] = []

        def listen(name: str) -> None:
            faults[name].on_change(
                lambda: trace.append(
                    (loop.time(), name, {w.value: faults[name].argument(w) for w in Word if faults[name].is_on(w)})
                )
            )

        listen("grid")
        listen("pv")
        await asyncio.sleep(100.0)
        await FaultScript.from_data(ROWS).play(faults)
        return trace

    assert run_virtual(film(), horizon_s=1000) == [
        (100.0, "grid", {"single_connection": 0.0}),
        (101.0, "grid", {}),
        (110.0, "grid", {"delay": 0.5}),
        (115.0, "grid", {}),
        (115.0, "grid", {"delay": 2}),
        (120.0, "grid", {}),
        (130.0, "pv", {"off": 0.0}),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"at_s": -1}, "at_s = -1: a number from 0"),
        ({"at_s": "now"}, "at_s = 'now'"),
        ({"at_s": True}, "at_s = True"),
        ({"at_s": float("nan")}, "at_s = nan"),
        ({"for_s": 0}, "for_s = 0: a number above 0"),
        ({"word": "dlay"}, "did you mean delay"),
        ({"word": "xyz"}, "allowed are drop, delay"),
        ({"argument": None}, "fault delay: takes a number above zero, got None"),
        ({"argument": "slow"}, "fault delay: takes a number above zero, got 'slow'"),
        ({"device": "gird"}, "device 'gird': there is no such device; there are grid, pv"),
        ({"device": 3}, "device 3"),
        ({"untill_s": 3}, "untill_s: not a key"),
        ({"for": 3}, "did you mean for_s"),
    ],
)
def test_a_mistake_is_named(change: dict[str, Any], says: str) -> None:
    row = {"at_s": 1, "word": "delay", "argument": 1.0, "device": "grid"} | change
    with pytest.raises(ValueError, match="fault 1: ") as error:
        FaultScript.from_data([row], ["grid", "pv"])
    assert says in str(error.value)


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(ValueError, match=r"fault 1: .*\nfault 2: word, device is missing\nfault 3: a table"):
        FaultScript.from_data([{"at_s": -1, "word": "off", "device": "pv"}, {"at_s": 1}, 7])


@pytest.mark.parametrize("rows", ["drop", {"word": "drop"}, None])
def test_only_a_list_is_a_script(rows: object) -> None:
    with pytest.raises(ValueError, match="a list of tables"):
        FaultScript.from_data(rows)


@pytest.mark.parametrize("for_s", [None, 10.1])
def test_one_word_twice_at_once_is_refused(for_s: float | None) -> None:
    first: dict[str, Any] = {"at_s": 0, "word": "drop", "device": "pv"} | ({} if for_s is None else {"for_s": for_s})
    with pytest.raises(ValueError, match="drop of pv at 10 s: the one that began at 0 s is still on"):
        FaultScript.from_data([first, {"at_s": 10, "word": "drop", "device": "pv"}])


def test_a_script_for_a_device_that_is_not_there_does_not_start() -> None:
    async def film() -> None:
        await FaultScript.from_data(ROWS).play({"grid": Faults()})

    with pytest.raises(ValueError, match="no device pv among grid"):
        run_virtual(film(), horizon_s=1)


# By chance

ALL = RandomFaults(per_hour=6.0, words=tuple(Word), for_s=(1.0, 60.0))


def test_the_seed_decides_and_nothing_else() -> None:
    first = ALL.draw(7, 86_400.0, ["grid", "pv"])
    assert first == ALL.draw(7, 86_400.0, ["grid", "pv"]) != ALL.draw(8, 86_400.0, ["grid", "pv"])
    alone = ALL.draw(7, 86_400.0, ["pv"])
    assert alone.events == tuple(event for event in first.events if event.device == "pv"), "devices are independent"


def test_devices_do_not_fail_in_step() -> None:
    drawn = ALL.draw(7, 86_400.0, ["grid", "pv"]).events
    assert not {e.at_s for e in drawn if e.device == "grid"} & {e.at_s for e in drawn if e.device == "pv"}


def test_a_fault_that_would_overlap_is_left_out() -> None:
    drawn = RandomFaults(60.0, (Word.DROP,), (600.0, 600.0)).draw(7, 36_000.0, ["grid"]).events
    assert len(drawn) > 30
    assert all(later.at_s >= earlier.end_s for earlier, later in itertools.pairwise(drawn))


def test_what_is_drawn_is_a_good_script() -> None:
    drawn = ALL.draw(7, 86_400.0, ["grid", "pv"])
    assert 2 * 24 * 6 * 0.8 < len(drawn.events) < 2 * 24 * 6 * 1.2
    assert {event.word for event in drawn.events} == set(Word)
    for event in drawn.events:
        check_argument(event.word, event.argument)
        assert event.for_s is not None
        assert 1.0 <= event.for_s <= 60.0
    rows = [
        {
            "at_s": event.at_s,
            "word": event.word.value,
            "device": event.device,
            "for_s": event.for_s,
            "argument": event.argument,
        }
        for event in drawn.events
    ]
    assert FaultScript.from_data(rows) == drawn, "a drawn script can be kept and read again"


def test_only_allowed_words_and_devices_are_drawn() -> None:
    chance = RandomFaults.from_data(
        {"per_hour": 10, "words": ["drop", "word-swap"], "devices": ["pv"], "for_s": [5, 5]}, ["grid", "pv"]
    )
    drawn = chance.draw(1, 36_000.0, ["grid", "pv"])
    assert {event.word for event in drawn.events} == {Word.DROP, Word.WORD_SWAP}
    assert drawn.devices == {"pv"}
    assert {event.for_s for event in drawn.events} == {5.0}


def test_nothing_in_an_hour_is_an_empty_script() -> None:
    assert RandomFaults(0.0, (Word.DROP,)).draw(1, 1e9, ["grid"]) == FaultScript()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"words": ["drop"]}, "per_hour is missing"),
        ({"per_hour": -1, "words": ["drop"]}, "per_hour = -1"),
        ({"per_hour": 1, "words": []}, "at least one"),
        ({"per_hour": 1, "words": "drop"}, "words = 'drop': a list"),
        ({"per_hour": 1, "words": ["dorp"]}, "did you mean drop"),
        ({"per_hour": 1, "words": ["drop"], "for_s": [5, 1]}, "for_s = 1: a number from 5"),
        ({"per_hour": 1, "words": ["drop"], "for_s": 5}, r"\[least, most\]"),
        ({"per_hour": 1, "words": ["drop"], "devices": ["x"]}, "device 'x'"),
    ],
)
def test_a_mistake_in_random_faults_is_named(row: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        RandomFaults.from_data(row, ["grid"])


# The node's clock


def test_the_nodes_wall_clock_jumps_and_comes_back() -> None:
    async def film() -> None:
        clock, faults = VirtualClock(), Faults()
        right, monotonic_s = clock.utc(), clock.now_s()
        forget = clock_jumps(faults, clock)
        faults.begin("clock_jump", -3600.0)
        assert clock.utc() - right == timedelta(hours=-1)
        faults.begin("drop")
        assert clock.utc() - right == timedelta(hours=-1), "another word must not move it again"
        faults.begin("clock_jump", 60.0)
        assert clock.utc() - right == timedelta(minutes=1)
        faults.end()
        assert clock.utc() == right
        assert clock.now_s() == monotonic_s
        assert faults.seen[Word.CLOCK_JUMP] == 2
        forget()
        faults.begin("clock_jump", 5.0)
        assert clock.utc() == right

    run_virtual(film(), horizon_s=1)
