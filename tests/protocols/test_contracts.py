"""The terms of a contract: what is taken, and that every refusal names the field and what is allowed."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.contracts import Dispatch, encode_contract, parse_contract, utc_text
from protocols.faults import Refused

GOOD: dict[str, object] = {
    "id": "c1",
    "seq": 1,
    "iss": "dso.example",
    "aud": "home-1",
    "product": "dispatch",
    "start": "2026-06-21T12:00:00Z",
    "end": "2026-06-21T12:15:00+00:00",
    "power_w": -2000,
}


def text(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_a_good_one() -> None:
    contract = parse_contract(text())
    assert isinstance(contract, Dispatch)
    assert (contract.power_w, contract.duration_s, contract.tolerance_w) == (-2000.0, 900.0, 100.0)
    assert parse_contract(encode_contract(contract)) == contract


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (text(power_w="2000"), r"\$.power_w"),
        (text(power_w=True), r"\$.power_w"),
        (text(power_w=None), r"\$.power_w"),
        (text(power_w=1e7), r"`float` <= 1000000.0 - at `\$.power_w`"),
        (text().replace(b"-2000", b"NaN"), "JSON is malformed"),
        (text().replace(b"-2000", b"-Infinity"), "JSON is malformed"),
        (text().replace(b"-2000", b"1e999"), "Number out of range|power_w"),
        (text(seq=0), r"`int` >= 1 - at `\$.seq`"),
        (text(seq=1.5), r"\$.seq"),
        (text(seq=2**60), r"\$.seq"),
        (text(start="2026-06-21T12:00:00"), r"timezone component - at `\$.start`"),
        (text(start="tomorrow"), r"\$.start"),
        (text(end="99999-01-01T00:00:00Z"), r"\$.end"),
        (text(product="loan"), r"\$.product"),
        (text(aud="home/1"), r"\$.aud"),
        (text(id=""), r"\$.id"),
        (text(tolerance_w=0), r"\$.tolerance_w"),
        (text(fallback="last_value"), r"\$.fallback"),
        (text(extra=1), "unknown field `extra`"),
        (b"{}", "missing required field"),
        (b"[" * 100_000, "malformed|recursion|array"),
        (b"\xff\xfe", "utf-8|malformed|invalid"),
        (b"", "truncated|malformed"),
    ],
)
def test_a_bad_one_is_refused_by_name(payload: bytes, named: str) -> None:
    with pytest.raises(Refused, match=named) as caught:
        parse_contract(payload)
    assert caught.value.reason == "malformed"


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_nothing_but_refused_escapes(payload: bytes) -> None:
    with pytest.raises(Refused):
        parse_contract(payload)


def test_times_are_told_in_utc() -> None:
    moment = datetime(2026, 6, 21, 14, 0, 0, 250_000, timezone(timedelta(hours=2)))
    assert utc_text(moment) == "2026-06-21T12:00:00.250Z"
    assert utc_text(moment.astimezone(UTC)) == "2026-06-21T12:00:00.250Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_told_to_the_millisecond(moment: datetime) -> None:
    text = utc_text(moment)
    assert len(text) == len("2026-06-21T12:00:00.250Z")
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
