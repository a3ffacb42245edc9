"""A small chain of one contract, and bundles of it; keys are the same in every run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from firmware_py.evidence.bundle import Origin, bundle
from protocols.contracts import Dispatch, Outcome, State, encode_contract, utc_text
from protocols.evidence import CONTRACT, GENESIS, INTERVAL, TOKEN, Link, hash_of, sealed
from protocols.messages import ContractEvent, Counter, Interval, encode
from protocols.signing import key_id, public_part, sign
from tests.scenarios.keys import private_key

START: Final = datetime(2026, 6, 21, 10, 0, tzinfo=UTC)
NODE_KEY, ISSUER_KEY = private_key("node"), private_key("dso")
NODE_PUBLIC: Final = {key_id(NODE_KEY): public_part(NODE_KEY)}
ISSUER_PUBLIC: Final = {key_id(ISSUER_KEY): public_part(ISSUER_KEY)}
ORIGIN: Final = Origin("home-1", NODE_KEY, "grid", ISSUER_PUBLIC)
TERMS: Final = Dispatch(
    id="c-1", seq=1, iss="dso", aud="home-1", start=START, end=START + timedelta(minutes=30), power_w=0
)  # fmt: skip
SIGNED: Final = sign(encode_contract(TERMS), ISSUER_KEY)


def event(state: State, contract: str = "c-1", outcome: Outcome | None = None) -> tuple[str, bytes]:
    return CONTRACT, encode(ContractEvent(contract, state, utc_text(START), "synchronised", outcome=outcome))


def interval(minutes: int, wh: float, device: str = "grid") -> tuple[str, bytes]:
    start, end = (utc_text(START + timedelta(minutes=minutes + off)) for off in (0, 15))
    counters = [Counter("7", "energy_import_wh", 1000.0, 1000.0 + wh), Counter("7", "energy_export_wh", 5.0, 5.0)]
    return INTERVAL, encode(Interval(device, start, end, "synchronised", "good", 9, 9, {}, counters))


STORY: Final = (
    interval(-15, 1.0),
    event(State.RECEIVED, "other"),
    event(State.RECEIVED),
    (TOKEN, b'"' + SIGNED + b'"'),
    event(State.ACCEPTED),
    interval(0, 2.5),
    interval(15, 3.25),
    event(State.EXPIRED, outcome=Outcome.DELIVERED),
    interval(30, 4.0),
)
# The bundle holds the records 3 to 8: from where the contract was received to where its outcome and last interval are.
FIRST, LAST = 3, 8


def chain(*story: tuple[str, bytes], key: str = NODE_KEY) -> list[bytes]:
    """The records of a story, chained from the beginning."""
    records: list[bytes] = []
    for seq, (stream, body) in enumerate(story, 1):
        prev = hash_of(records[-1]) if records else GENESIS
        records.append(sealed(Link("home-1", seq, prev, utc_text(START), stream, msgspec.Raw(body)), key))
    return records


def zipped(origin: Origin = ORIGIN, records: list[bytes] | None = None) -> bytes:
    """The bundle of the story."""
    return bundle(chain(*STORY) if records is None else records, "c-1", origin, START)


def with_file(files: Mapping[str, bytes], name: str, content: bytes) -> dict[str, bytes]:
    """The files with another content in one."""
    return {**files, name: content}
