"""The chain of a device's log: whatever is done to an entry is found, at its place."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.device_log import Anchor, LogEntry, checked, written
from protocols.evidence import BadRecord
from protocols.ocmf_writing import TimeStatus
from protocols.signing import key_id, new_private_key, public_part

KEY = new_private_key()
KEYS = {key_id(KEY): public_part(KEY)}


def log(count: int, key: str | None = None, first: int = 1, prev: str = "0" * 64) -> list[tuple[int, bytes]]:
    found = []
    for number in range(first, first + count):
        entry = LogEntry("m", number, prev, "2026-11-21T00:00:00.000Z", TimeStatus.SYNCHRONISED, "start", f"n{number}")
        record = written(entry, key)
        prev = hashlib.sha256(record).hexdigest()
        found.append((number, record))
    return found


def bad(records: list[tuple[int, bytes]], anchor: Anchor | None = None, last: int | None = None) -> int | None:
    with pytest.raises(BadRecord) as caught:
        list(checked(records, anchor or Anchor(), "m", KEYS, last))
    return caught.value.seq


@pytest.mark.parametrize("key", [None, KEY])
def test_a_whole_log_is_read_in_order(key: str | None) -> None:
    entries = list(checked(log(5, key), Anchor(), "m", KEYS, 5))
    assert [entry.why for entry in entries] == ["n1", "n2", "n3", "n4", "n5"]


@given(st.sampled_from([None, KEY]), st.integers(0, 7), st.data())
@settings(max_examples=40, deadline=None)
def test_a_changed_byte_is_found_at_its_entry_or_at_the_next(key: str | None, place: int, data: st.DataObject) -> None:
    records = log(8, key)
    number, record = records[place]
    at = data.draw(st.integers(0, len(record) - 1))
    changed = record[:at] + bytes([record[at] ^ (1 << data.draw(st.integers(0, 7)))]) + record[at + 1 :]
    records[place] = (number, changed)
    if key is None and place == 7:  # nothing follows that names it: only what was published shows it
        return
    assert bad(records, last=8) in (number, number + 1)


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("place", [0, 3, 6])
def test_an_entry_left_out_is_found(key: str | None, place: int) -> None:
    records = log(8, key)
    del records[place]
    assert bad(records, last=8) == place + 1


def test_two_swapped_put_in_or_cut_off_at_the_end_are_found() -> None:
    records = log(8)
    assert bad([records[1], records[0], *records[2:]]) == 1
    assert bad([*records[:4], records[3], *records[4:]]) == 5
    assert bad(records[:6], last=8) == 7
    assert bad([], last=8) == 1


def test_an_entry_of_another_device_or_key_is_found() -> None:
    with pytest.raises(BadRecord, match="of m: this is the log of n"):
        list(checked(log(2), Anchor(), "n", {}))
    assert bad(log(2, new_private_key())) == 1


def test_signed_entries_may_follow_unsigned_ones_but_not_the_other_way_round() -> None:
    unsigned = log(3)
    head = hashlib.sha256(unsigned[-1][1]).hexdigest()
    signed = log(2, KEY, 4, head)
    assert len(list(checked([*unsigned, *signed], Anchor(), "m", KEYS))) == 5
    forged = log(1, None, 6, hashlib.sha256(signed[-1][1]).hexdigest())
    assert bad([*unsigned, *signed, *forged]) == 6


def test_behind_the_anchor_older_entries_may_be_gone_or_still_there() -> None:
    records = log(8)
    anchor = Anchor(3, hashlib.sha256(records[2][1]).hexdigest())
    assert [entry.seq for entry in checked(records[3:], anchor, "m", {}, 8)] == [4, 5, 6, 7, 8]
    assert [entry.seq for entry in checked(records[1:], anchor, "m", {}, 8)] == [4, 5, 6, 7, 8]
    assert bad(records[4:], anchor, 8) == 4
    assert bad(records, Anchor(3, "1" * 64), 8) == 3


def test_an_entry_is_plain_json() -> None:
    ((_, record),) = log(1)
    assert json.loads(record) == {
        "node": "m",
        "seq": 1,
        "prev": "0" * 64,
        "at": "2026-11-21T00:00:00.000Z",
        "clock": "S",
        "event": "start",
        "why": "n1",
    }
