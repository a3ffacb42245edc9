"""The ledger: append-only on disk, heads that witnesses co-sign, and the forks they refuse."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from firmware_py.ledger import Ledger
from protocols.faults import Refused, StoreFailed
from protocols.ledger import (
    Consistency,
    CosignedHead,
    Inclusion,
    TreeHead,
    checked_head,
    cosigned,
    insist_included,
    signed_head,
)
from protocols.merkle import leaf_hash, root
from protocols.signing import key_id, public_part
from tests.scenarios.keys import private_key
from tests.system.busbar import told

AT = datetime(2026, 6, 21, tzinfo=UTC)
LOG, W1, W2, W3 = (private_key(name) for name in ("log", "w1", "w2", "w3"))


def public(*keys: str) -> dict[str, str]:
    return {key_id(key): public_part(key) for key in keys}


@dataclass(slots=True)
class Witness:
    """A witness that keeps what it saw, as `ledger witness` does in a file."""

    key: str
    seen: TreeHead | None = None

    def signs(self, head: CosignedHead, proof: Consistency | None = None) -> CosignedHead:
        signed, self.seen = cosigned(head, public(LOG), self.key, self.seen, proof)
        return signed


def ledger(folder: Path, *entries: bytes, name: str = "l") -> Ledger:
    log = Ledger(folder / name, "lv-7")
    for entry in entries:
        log.append(entry)
    return log


def test_entries_keep_their_bytes_and_their_order_through_a_restart(tmp_path: Path) -> None:
    entries = (b'{ "a":1.50 }', b"", b"\x00\xff")
    assert [ledger(tmp_path).append(entry) for entry in entries] == [0, 1, 2]
    again = Ledger(tmp_path / "l")
    assert (again.zone, [again.entry(index) for index in range(3)]) == ("lv-7", list(entries))
    with pytest.raises(ValueError, match="entry 3"):
        again.entry(3)


def test_a_ledger_is_of_one_zone(tmp_path: Path) -> None:
    ledger(tmp_path)
    with pytest.raises(Refused, match="is of zone lv-7, not lv-8"):
        Ledger(tmp_path / "l", "lv-8")
    with pytest.raises(Refused, match="is not there"):
        Ledger(tmp_path / "none")
    (tmp_path / "junk").write_bytes(b"x" * 5000)
    with pytest.raises(StoreFailed, match="junk"):
        Ledger(tmp_path / "junk")


@pytest.mark.parametrize("act", ["UPDATE entry SET body = 'x'", "DELETE FROM entry"])
def test_the_file_itself_refuses_changes(tmp_path: Path, act: str) -> None:
    ledger(tmp_path, b"a")
    with closing(sqlite3.connect(tmp_path / "l")) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(act)


def test_a_record_is_proved_to_be_in_it_and_another_is_not(tmp_path: Path) -> None:
    log = ledger(tmp_path, *(b"%d" % number for number in range(5)))
    head, proof = log.head(AT), log.inclusion(3)
    insist_included(b"3", proof, head)
    log.append(b"5")
    for entry, given, at in ((b"4", proof, head), (b"3", log.inclusion(3), head), (b"3", proof, log.head(AT))):
        with pytest.raises(Refused, match="no proof that it is entry 3"):
            insist_included(entry, given, at)
    insist_included(b"3", log.inclusion(3, size=5), head)
    # The first entry's way to the root looks the same in trees of three and four: the size must be the head's.
    four = log.inclusion(0, size=4)
    at_four = TreeHead("lv-7", 4, root([leaf_hash(b"%d" % number) for number in range(4)]).hex(), "")
    insist_included(b"0", four, at_four)
    with pytest.raises(Refused, match="no proof"):
        insist_included(b"0", msgspec.structs.replace(four, size=3), at_four)


def test_k_of_n_witnesses(tmp_path: Path) -> None:
    head = signed_head(ledger(tmp_path, b"a").head(AT), LOG)
    two = Witness(W2).signs(Witness(W1).signs(head))
    trusted = public(W1, W2, W3)
    assert checked_head(two, public(LOG), trusted, 2)[0].size == 1
    with pytest.raises(Refused, match="2 of the 3 trusted witnesses signed: 3 are needed"):
        checked_head(two, public(LOG), trusted, 3)
    doubled = CosignedHead(two.head, two.witnesses[:1] * 5)
    with pytest.raises(Refused, match="1 of the 3"):
        checked_head(doubled, public(LOG), trusted, 2)
    with pytest.raises(Refused, match="0 of the 1"):
        checked_head(two, public(LOG), public(W3), 1)


def test_the_log_is_no_witness_to_itself(tmp_path: Path) -> None:
    head = signed_head(ledger(tmp_path, b"a").head(AT), LOG)
    with pytest.raises(Refused, match="0 of the 1"):
        checked_head(Witness(LOG).signs(head), public(LOG), public(LOG), 1)


def test_a_witness_signature_on_another_head_is_refused(tmp_path: Path) -> None:
    log = ledger(tmp_path, b"a")
    first = Witness(W1).signs(signed_head(log.head(AT), LOG))
    log.append(b"b")
    moved = CosignedHead(signed_head(log.head(AT), LOG).head, first.witnesses)
    with pytest.raises(Refused, match="signed another head"):
        checked_head(moved, public(LOG), public(W1), 1)


def test_a_witness_follows_growth_and_refuses_a_fork(tmp_path: Path) -> None:
    log, one = ledger(tmp_path, b"a", b"b", b"c"), Witness(W1)
    one.signs(signed_head(log.head(AT), LOG))
    log.append(b"d")
    one.signs(signed_head(log.head(AT), LOG), log.consistency(3))
    forked = ledger(tmp_path, b"a", b"x", b"c", b"d", b"e", name="fork")
    shorter = ledger(tmp_path, b"a", b"b", name="short")
    same_size = ledger(tmp_path, b"a", b"x", b"c", b"d", name="same")
    for other, proof in ((forked, forked.consistency(4)), (forked, None), (shorter, None), (same_size, None)):
        with pytest.raises(Refused, match="no proof that the ledger of 4 entries"):
            one.signs(signed_head(other.head(AT), LOG), proof)
    assert one.seen is not None
    assert one.seen.size == 4


def test_a_head_of_another_log_or_zone_is_refused(tmp_path: Path) -> None:
    log = ledger(tmp_path, b"a")
    with pytest.raises(Refused, match="not on the trust list"):
        Witness(W1).signs(signed_head(log.head(AT), W2))
    one = Witness(W1, msgspec.structs.replace(log.head(AT), zone="lv-8"))
    with pytest.raises(Refused, match="this witness follows lv-8"):
        one.signs(signed_head(log.head(AT), LOG), log.consistency(1))


def test_the_whole_way_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, key in (("log", LOG), ("w1", W1), ("w2", W2)):
        Path(f"{name}.key").write_text(key)
        Path(f"{name}.pub").write_text(public_part(key))
    for name in ("a", "b", "c"):
        Path(name).write_text(name)
    told("ledger", "append", "z", "a").says(1, "no zone is given")
    assert told("ledger", "append", "z", "a", "b", "--zone", "lv-7").good.splitlines() == ["0 a", "1 b"]
    witnessing = ("--log-key", "log.pub", "--key", "w1.key", "--state", "w1.json")
    Path("h1").write_text(told("ledger", "head", "z", "--key", "log.key").good)
    assert told("ledger", "witness", "h1", *witnessing).code == 0
    told("ledger", "append", "z", "c")
    Path("h2").write_text(told("ledger", "head", "z", "--key", "log.key").good)
    told("ledger", "witness", "h2", *witnessing).says(1, "no proof that the ledger of 2 entries")
    Path("grown").write_text(told("ledger", "prove", "z", "--old-size", "2").good)
    Path("h3").write_text(told("ledger", "witness", "h2", *witnessing, "--proof", "grown").good)
    assert json.loads(Path("w1.json").read_text())["size"] == 3
    Path("in").write_text(told("ledger", "prove", "z", "--index", "1").good)
    assert msgspec.json.decode(Path("in").read_bytes(), type=Inclusion).size == 3
    checking = ("ledger", "verify", "h3", "--log-key", "log.pub", "--witness", "w1.pub", "--witness", "w2.pub")
    assert told(*checking).code == 1
    good = told(*checking, "--need", "1", "--record", "b", "--proof", "in").good
    assert "3 entries" in good
    assert "b is in it" in good
    assert told(*checking, "--need", "1", "--record", "a", "--proof", "in").code == 1
    told("ledger", "prove", "z").says(2, "--index")
    told("ledger", "prove", "z", "--index", "9").says(2, "index 9")
    told("ledger", "verify", "a", "--log-key", "log.pub").says(2, "a:")
