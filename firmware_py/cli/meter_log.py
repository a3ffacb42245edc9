"""`busbar meter log`: what happened to a meter, and whether anybody was at its log."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from firmware_py.cli.options import FAULT, stop
from firmware_py.journal import JOURNAL_FILE
from firmware_py.meter.config import LoadedMeter, state_dir
from firmware_py.meter.logbook import ANCHOR
from protocols.device_log import STREAM, Anchor, LogEntry, checked, is_signed
from protocols.evidence import BadRecord
from protocols.faults import StoreFailed
from protocols.signing import key_id, public_part


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log as it is on disk, and the last number that was ever given out."""

    records: list[tuple[int, bytes]]
    anchor: Anchor
    last: int


def stored_log(path: Path) -> StoredLog:
    """The log in a journal file, while a meter may be writing it; StoreFailed."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.execute("BEGIN")  # one moment of it
            rows = db.execute("SELECT seq, body FROM record WHERE stream = ? ORDER BY seq", (STREAM,)).fetchall()
            kept = db.execute("SELECT body FROM kept WHERE key = ?", (ANCHOR,)).fetchone()
            last = db.execute("SELECT last FROM mark WHERE stream = ?", (STREAM,)).fetchone()
        anchor = Anchor() if kept is None else msgspec.json.decode(kept[0], type=Anchor)
        return StoredLog([(seq, bytes(body)) for seq, body in rows], anchor, 0 if last is None else last[0])
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise StoreFailed(f"journal {path}: {error}") from error


def show_log(loaded: LoadedMeter, keys: list[Path], since: int, as_json: bool) -> int:
    """Print the log up to the first entry that is not right; the exit code is 0 only if all of it is."""
    node = loaded.config.meter.id
    try:
        log = stored_log(state_dir(loaded) / JOURNAL_FILE)
    except StoreFailed as fault:
        stop(str(fault), FAULT)
    count = 0
    try:
        trusted = _keys(loaded, keys)
        for entry in checked(log.records, log.anchor, node, trusted, log.last):
            count += 1
            if entry.seq >= since:
                print(json.dumps(msgspec.to_builtins(entry)) if as_json else _line(entry))
    except BadRecord as bad:
        print(json.dumps({"ok": False, "entry": bad.seq, "reason": bad.reason}) if as_json else f"BAD {bad}")
        return FAULT
    _end(log, count, as_json)
    return 0


def _end(log: StoredLog, count: int, as_json: bool) -> None:
    unsigned = sum(not is_signed(record) for _, record in log.records)
    facts: dict[str, Any] = {"ok": True, "entries": count, "dropped": log.anchor.seq, "unsigned": unsigned}
    if as_json:
        print(json.dumps(facts))
        return
    print(f"GOOD: {count} entries, {log.anchor.seq} older ones dropped, {unsigned} without a signature")


def _keys(loaded: LoadedMeter, given: list[Path]) -> dict[str, str]:
    """The keys that an entry may be signed with: those given, else the meter's own."""
    try:
        texts = [path.read_text(encoding="utf-8") for path in given] or ([loaded.log_key] if loaded.log_key else [])
        return {key_id(text): public_part(text) for text in texts}
    except (OSError, ValueError) as error:
        stop(f"--key: a public key (JWK) is needed: {error}", FAULT)


def _line(entry: LogEntry) -> str:
    details = " ".join(f"{name}={value}" for name, value in entry.details.items())
    return " ".join(word for word in (str(entry.seq), entry.at, entry.clock, entry.event, entry.why, details) if word)
