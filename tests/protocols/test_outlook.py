"""What is told of the hours to come: what is read, and every way to say it wrongly."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.faults import Refused
from protocols.outlook import (
    MAX_OUTLOOK_BYTES,
    Forecast,
    Kind,
    Prices,
    Quantile,
    Trip,
    encode_outlook,
    parse_outlook,
    said_text,
)
from protocols.signing import CONTRACT, OUTLOOK, key_id, new_private_key, open_signed, public_part, sign

HEAD = {"iss": "supplier", "aud": "home-1", "seq": 7, "at": "2026-06-01T10:00:00Z"}
PRICES = {**HEAD, "say": "prices", "start": "2026-06-01T22:00:00Z", "step_s": 3600, "import_per_kwh": [0.1, -0.2]}
FORECAST = {
    **HEAD,
    "say": "forecast",
    "kind": "pv",
    "start": "2026-06-01T22:00:00Z",
    "step_s": 900,
    "values": [1, None],
}
TRIP = {**HEAD, "say": "trip", "charger": "wallbox", "departs": "2026-06-02T05:15:00Z", "needs_wh": 12000}


def read(message: dict[str, Any]) -> Prices | Forecast | Trip:
    return parse_outlook(msgspec.json.encode(message))


def test_prices_are_read() -> None:
    told = read(PRICES)
    assert isinstance(told, Prices)
    assert told.import_per_kwh == (0.1, -0.2)
    assert told.export_per_kwh is None
    assert told.end == datetime(2026, 6, 2, tzinfo=UTC)
    assert said_text(told) == "prices 2026-06-01T22:00:00.000Z to 2026-06-02T00:00:00.000Z, -0.2 to 0.1 EUR per kWh"


def test_a_forecast_has_holes_and_quantiles() -> None:
    told = read({**FORECAST, "quantiles": [{"level": 0.1, "values": [0, None]}, {"level": 0.9, "values": [9, 5]}]})
    assert isinstance(told, Forecast)
    assert (told.kind, told.values) == (Kind.PV, (1.0, None))
    assert told.quantiles[1] == Quantile(0.9, (9.0, 5.0))


def test_a_trip_is_told_and_called_off() -> None:
    told = read(TRIP)
    assert isinstance(told, Trip)
    assert told.departs is not None
    assert said_text(told) == "trip of wallbox at 2026-06-02T05:15:00.000Z with 12000 Wh"
    assert said_text(read({**HEAD, "say": "trip", "charger": "wallbox"})) == "trip of wallbox called off"


def test_a_local_time_is_a_moment() -> None:
    told = read({**PRICES, "start": "2026-06-02T00:00:00+02:00"})
    assert told.end == datetime(2026, 6, 2, tzinfo=UTC)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({**PRICES, "say": "price"}, "malformed", "Invalid value 'price'"),
    ({**PRICES, "step_s": 600}, "malformed", "600"),
    ({**PRICES, "import_per_kwh": []}, "malformed", "length >= 1"),
    ({**PRICES, "import_per_kwh": [0.1] * 1153}, "malformed", "length <= 1152"),
    ({**PRICES, "import_per_kwh": [0.1, None]}, "malformed", "`$.import_per_kwh[1]`"),
    ({**PRICES, "import_per_kwh": ["0.1"]}, "malformed", "Expected `float`"),
    ({**PRICES, "import_per_kwh": [1e6]}, "malformed", "<= 100000.0"),
    ({**PRICES, "export_per_kwh": [0.1]}, "contradictory", "1 export prices beside 2 of import"),
    ({**PRICES, "currency": "eur"}, "malformed", "currency"),
    ({**PRICES, "start": "2026-06-01T22:01:00Z"}, "malformed", "a full five minutes"),
    ({**PRICES, "start": "2026-06-01T22:00:00"}, "malformed", "timezone"),
    ({**PRICES, "start": "0001-01-01T00:00:00+14:00"}, "malformed", "a year from 2000"),
    ({**PRICES, "start": "9999-12-31T23:55:00Z"}, "malformed", "a year from 2000"),
    ({**PRICES, "at": "9999-12-31T23:55:00-12:00"}, "malformed", "a year from 2000"),
    ({**PRICES, "unit": "kWh"}, "malformed", "unknown field `unit`"),
    ({**PRICES, "seq": 0}, "malformed", "seq"),
    ({**PRICES, "iss": "a b"}, "malformed", "iss"),
    ({**FORECAST, "kind": "wind"}, "malformed", "wind"),
    ({**FORECAST, "values": [None, None]}, "contradictory", "holes only"),
    ({**FORECAST, "values": [1, -1]}, "absurd", "forecast of pv, values, step 1: -1 W; 0 to 1e+06 W is allowed"),
    ({**FORECAST, "kind": "outdoor", "values": [293.15]}, "absurd", "293.15 °C; -90 to 60 °C"),
    ({**FORECAST, "quantiles": [{"level": 0.5, "values": [1]}]}, "contradictory", "quantile 0.5 has 1 values: 2"),
    ({**FORECAST, "quantiles": [{"level": 1.0, "values": [1, 1]}]}, "malformed", "< 1.0"),
    (
        {**FORECAST, "quantiles": [{"level": 0.9, "values": [1, 1]}, {"level": 0.1, "values": [0, 0]}]},
        "contradictory",
        "quantile 0.1 after 0.9",
    ),
    (
        {**FORECAST, "quantiles": [{"level": 0.1, "values": [1, 5]}, {"level": 0.9, "values": [2, 4]}]},
        "contradictory",
        "step 1: quantile 0.9 is 4, below the 5 of quantile 0.1",
    ),
    ({**FORECAST, "quantiles": [{"level": 0.5, "values": [1, -9]}]}, "absurd", "quantile 0.5, step 1"),
    ({**TRIP, "needs_wh": -1}, "malformed", "needs_wh"),
    ({**TRIP, "returns": "2026-06-02T05:15:00Z"}, "contradictory", "must lie after departs"),
    ({**TRIP, "departs": None, "returns": "2026-06-02T05:15:00Z"}, "contradictory", "must lie after departs"),
    ({**TRIP, "departs": "9999-12-31T23:59:00-10:00"}, "malformed", "departs 9999"),
]


@pytest.mark.parametrize(("message", "reason", "named"), BAD, ids=[f"{r} {n[:24]}" for _, r, n in BAD])
def test_what_is_wrong_is_named(message: dict[str, Any], reason: str, named: str) -> None:
    with pytest.raises(Refused) as caught:
        read(message)
    assert caught.value.reason == reason
    assert named in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "null"])
def test_no_number_is_no_price(number: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_outlook(msgspec.json.encode(PRICES).replace(b"-0.2", number.encode()))
    assert caught.value.reason == "malformed"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.integers(0, 159).map(lambda cut: msgspec.json.encode(FORECAST)[:cut]))
def test_rubbish_is_refused_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(Refused):
        parse_outlook(payload)


def test_four_days_in_five_minutes_fit_a_message() -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    values = tuple(-0.12345 for _ in range(1152))
    told = Prices(
        iss="supplier",
        aud="home-1",
        seq=2**53,
        at=at,
        start=at + timedelta(days=1),
        step_s=300,
        import_per_kwh=values,
        export_per_kwh=values,
    )
    key = new_private_key()
    token = sign(encode_outlook(told), key, OUTLOOK)
    signed = open_signed(token, {key_id(key): public_part(key)}, OUTLOOK, MAX_OUTLOOK_BYTES)
    assert parse_outlook(signed.payload) == told
    with pytest.raises(Refused, match="JWS type"):
        open_signed(token, {key_id(key): public_part(key)}, CONTRACT, MAX_OUTLOOK_BYTES)
