"""The step lock on a socket, and its tape: what a foreign simulator says and hears, bit for bit again."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from firmware_py.hil.drive import drive
from firmware_py.hil.frames import LONGEST_BYTES, Answer
from firmware_py.hil.pace import Pace
from firmware_py.hil.session import LockStep, Plan
from firmware_py.hil.tape import BadTape, Recorder, replay
from firmware_py.hil.wire import NotTaken, Simulator, SocketExchange, accepted, address, hello, listening
from tests.firmware_py.hil.lab import STEP_S, contract, frame, plan


def served(line: socket.socket, plan: Plan, pace: Pace, tape: Path | None) -> None:
    with line, closing(SocketExchange(line, hello(plan, pace))) as exchange:
        if tape is None:
            drive(LockStep(plan), exchange, pace)
            return
        with Recorder(tape, plan) as recorder:
            drive(LockStep(plan), exchange, pace, recorder)


@contextmanager
def simulator(plan: Plan, tape: Path | None = None, pace: Pace | None = None) -> Iterator[Simulator]:
    """A simulator connected to a node that runs in a thread beside it."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(60.0)
    node = threading.Thread(target=served, args=(ours, plan, pace or Pace(plan.step_s, plan.step_s), tape))
    node.start()
    try:
        with Simulator(theirs) as client:
            yield client
    finally:
        theirs.close()
        node.join()


def steps(client: Simulator, count: int) -> list[Answer]:
    course = []
    for number in range(1, count + 1):
        messages = [("busbar/1/home-1/contract/in", contract().payload)] if number == 4 else []
        course.append(client.step(dict(frame(number).values), *messages))
    return course


def test_the_node_says_first_who_it_is_and_what_it_takes(tmp_path: Path) -> None:
    with simulator(plan(tmp_path), pace=Pace(STEP_S, 0.02)) as client:
        said = client.hello
    assert (said.busbar_lockstep, said.node, said.start) == (1, "home-1", "2026-06-21T10:00:00.000Z")
    assert (said.step_s, said.deadline_s) == (STEP_S, 0.02)
    assert said.takes["grid.voltage_v"] == (1.0, 1000.0)
    assert "battery.setpoint_w" in said.gives


def test_steps_come_back_with_what_was_written_and_how_long_it_took(tmp_path: Path) -> None:
    with simulator(plan(tmp_path)) as client:
        course = steps(client, 30)
    assert [each.step for each in course] == list(range(1, 31))
    assert [written.device for each in course if 10.0 < each.t_s <= 11.0 for written in each.written] == ["cellar"]
    assert all(each.took_us > 0 and each.late_us == 0 for each in course)


def test_an_overrun_is_said_in_the_answer_and_counted(tmp_path: Path) -> None:
    ticks = iter(range(1_000_000))
    pace = Pace(STEP_S, 0.5, None, lambda: float(next(ticks)))  # every look at the clock finds a second gone
    with simulator(plan(tmp_path), pace=pace) as client:
        course = steps(client, 3)
    assert [(each.took_us, each.overrun, each.overrun_us) for each in course] == [(1_000_000, True, 500_000)] * 3
    assert (pace.took.overruns, pace.took.overrun_worst_us) == (3, 500_000)


def test_after_a_refusal_the_same_step_may_be_tried_again(tmp_path: Path) -> None:
    with simulator(plan(tmp_path)) as client:
        steps(client, 2)
        with pytest.raises(NotTaken, match=r"grid\.voltage_v = 5000: 1 to 1000 is allowed"):
            client.step({"grid.voltage_v": 5000.0})
        client.send(b"hello?")
        with pytest.raises(NotTaken, match="not a frame: JSON is malformed"):
            client._read(Answer)
        assert client.step({"grid.voltage_v": 231.0}).step == 3


def test_a_line_without_end_ends_the_session(tmp_path: Path) -> None:
    with simulator(plan(tmp_path)) as client:
        client.send(b"x" * (LONGEST_BYTES + 10))
        with pytest.raises(NotTaken, match=f"a line of more than {LONGEST_BYTES} bytes"):
            client._read(Answer)


@pytest.mark.parametrize("goodbye", [lambda client: client.send(b'{"end": true}'), lambda client: client.close()])
def test_both_goodbyes_end_the_node_in_order(tmp_path: Path, goodbye: Callable[[Simulator], None]) -> None:
    tape = tmp_path / "tape"
    with simulator(plan(tmp_path), tape) as client:
        steps(client, 5)
        goodbye(client)
    assert replay(tape).is_whole
    assert replay(tape).steps == 5


# The tape


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    with simulator(plan(tmp_path), tmp_path / "tape") as client:
        steps(client, 40)
    return tmp_path / "tape"


def test_a_tape_played_again_is_the_same_bit_for_bit(tape: Path) -> None:
    played = replay(tape)
    assert (played.steps, played.is_whole, played.difference) == (40, True, None)


def test_a_tape_needs_nothing_beside_it_and_holds_no_secret(tape: Path, tmp_path: Path) -> None:
    (tmp_path / "home.toml").unlink()
    (tmp_path / "dso.pub").unlink()
    assert replay(tape).difference is None
    assert b'"d":' not in tape.read_bytes()


def changed(tape: Path, line: int, *path: str | int, value: object) -> None:
    lines = tape.read_text().splitlines()
    record = json.loads(lines[line])
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    lines[line] = json.dumps(record)
    tape.write_text("\n".join(lines) + "\n")


def test_the_last_bit_of_one_value_is_found(tape: Path) -> None:
    text = tape.read_text().splitlines()[17]
    value = json.loads(text)["answer"]["values"]["grid.voltage_l1_v"]
    changed(tape, 17, "answer", "values", "grid.voltage_l1_v", value=value * (1 + 2**-52))
    found = replay(tape).difference
    assert found is not None
    assert str(found).startswith("step 17: values.grid.voltage_l1_v: recorded ")
    assert found.now == value


def test_the_first_difference_is_the_one_that_is_said(tape: Path) -> None:
    changed(tape, 30, "answer", "values", "pv.power_w", value=1.0)
    changed(tape, 12, "frame", "values", "load.power_w", value=5000.0)
    found = replay(tape).difference
    assert found is not None
    assert (found.step, found.where) == (12, "values.grid.power_w")


def test_what_left_the_node_otherwise_is_found_by_its_digest(tape: Path) -> None:
    changed(tape, 20, "answer", "digest", value="0" * 16)
    found = replay(tape).difference
    assert found is not None
    assert (found.step, found.where) == (20, "digest")


def test_another_wall_clock_is_no_difference(tape: Path) -> None:
    changed(tape, 20, "answer", "took_us", value=99_999_999)
    changed(tape, 21, "answer", "overrun", value=True)
    assert replay(tape).difference is None


def test_another_end_is_found(tape: Path) -> None:
    changed(tape, 41, "digest", value="f" * 16)
    assert str(replay(tape).difference).startswith("at the end: digest: recorded ffffffffffffffff, now ")


def test_a_tape_that_breaks_off_is_played_as_far_as_it_goes(tape: Path) -> None:
    tape.write_text("\n".join(tape.read_text().splitlines()[:11]) + "\n")
    played = replay(tape)
    assert (played.steps, played.is_whole, played.difference) == (10, False, None)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda lines: [], "line 1: "),
        (lambda lines: lines[1:], "line 1: "),
        (lambda lines: [lines[0].replace('"busbar_lockstep":1', '"busbar_lockstep":9'), *lines[1:]], "9: 1 is allowed"),
        (lambda lines: [lines[0].replace('"sdm630"', '"sdm063"'), *lines[1:]], "line 1: home: "),
        (lambda lines: [lines[0].replace("2026-06-21T", "yesterday"), *lines[1:]], "line 1: "),
        (lambda lines: [*lines[:5], lines[5][:-20]], "line 6: "),
        (lambda lines: [*lines[:5], *lines[6:]], "line 6: step 6: step 5 is due"),
    ],
)
def test_a_damaged_tape_is_refused_with_line_and_reason(
    tape: Path, damage: Callable[[list[str]], list[str]], said: str
) -> None:
    tape.write_text("\n".join(damage(tape.read_text().splitlines())))
    with pytest.raises(BadTape) as caught:
        replay(tape)
    assert said in str(caught.value)
    assert str(tape) in str(caught.value)


def test_a_unix_socket_is_gone_afterwards(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/lock"
    with listening(url) as (listener, shown):
        assert shown == url
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{tmp_path}/lock")
        with client, accepted(listener) as line:
            line.sendall(b"x")
            assert client.recv(1) == b"x"
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize("url", ["tcp://host", "tcp://:1", "tcp://h:99999", "udp://h:1", "unix://", "unix://h/p", "x"])
def test_a_bad_address_says_what_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="tcp://HOST:PORT"):
        address(url)
