"""What goes into the hash of a fleet, and what does not."""

import hashlib

from firmware_py.fleet.tape import Tape, hash_text
from protocols.ports import Message


def heard(*messages: tuple[str, bytes]) -> int:
    tape = Tape()
    for topic, payload in messages:
        tape.deliver(Message(topic, payload))
    return tape.total


def test_one_home_is_the_sha_256_of_what_it_said() -> None:
    lengths = [len(each).to_bytes(4, "big") + each for each in (b"telemetry/pv", b"{}")]
    wanted = hashlib.sha256(b"a" + b"".join(lengths)).hexdigest()
    assert hash_text(heard(("busbar/1/a/telemetry/pv", b"{}"))) == wanted


def test_the_order_between_homes_does_not_count_and_within_one_it_does() -> None:
    a, b, more = ("busbar/1/a/event", b"1"), ("busbar/1/b/event", b"1"), ("busbar/1/a/event", b"2")
    assert heard(a, b, more) == heard(b, a, more) == heard(a, more, b)
    assert heard(a, more) != heard(more, a)


def test_what_is_said_to_a_node_does_not_count() -> None:
    a = ("busbar/1/a/event", b"1")
    assert heard(a, ("busbar/1/a/durable", b"x"), ("busbar/1/a/contract/in", b"y")) == heard(a)


def test_no_cut_between_topic_and_payload_can_be_moved() -> None:
    assert heard(("busbar/1/a/ab", b"c")) != heard(("busbar/1/a/a", b"bc"))


def test_journals_count_too() -> None:
    one, other = Tape(), Tape()
    one.add("a", b"append", b"interval", b"{}")
    assert one.total != other.total
