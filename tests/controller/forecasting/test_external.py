"""A forecast from outside: its holes, its errors learnt in widths of the own band, and night."""

from statistics import NormalDist

import numpy as np
import pytest

from controller.forecasting.external import Source, around
from controller.forecasting.forecast import LEVELS, Forecast
from controller.forecasting.series import Series
from tests.controller.forecasting.days import NOON, ahead

Z = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
HOURS = 48.0
OWN = Forecast(ahead(NOON, HOURS), LEVELS, np.tile((100.0 + 10.0 * Z)[:, None], 192), ("own note",))


def outside(*values: float, repeat: int = 192) -> Series:
    return Series(NOON, 900.0, np.resize(np.array(values), repeat))


def test_the_middle_is_theirs_and_the_spread_ours_until_they_are_known() -> None:
    told = around("sun", outside(500.0), OWN, Source(), 0.0, 1e4)
    assert told.median == pytest.approx(np.full(192, 500.0))
    assert told.at(0.9) - told.at(0.1) == pytest.approx(OWN.at(0.9) - OWN.at(0.1))
    assert told.notes == ("own note",)


def test_holes_are_ours_and_said() -> None:
    given = Series(NOON, 900.0, np.array([500.0, np.nan, 500.0]))
    told = around("sun", given, OWN, Source(), 0.0, 1e4)
    assert told.median[:4].tolist() == pytest.approx([500.0, 100.0, 500.0, 100.0])
    assert told.notes[1] == "sun: 190 of 192 steps are missing from the forecast given; there our own stands in"


def test_what_a_source_was_off_is_learnt_by_lead() -> None:
    source, random = Source(), np.random.default_rng(4)
    for _ in range(8):
        source.told(outside(500.0), OWN)
        for step in range(192):
            # Biased by 40 W, and twice as unsure as our own from six hours on.
            sigma = 10.0 if step < 24 else 20.0
            source.closed(NOON.timestamp() + 900.0 * step, 540.0 + float(random.normal(0.0, sigma)))
    told = around("sun", outside(500.0), OWN, source, 0.0, 1e4)
    assert told.median[4:24] == pytest.approx(np.full(20, 540.0), abs=4.0)
    assert told.median[96:] == pytest.approx(np.full(96, 540.0), abs=4.0)
    assert (told.at(0.9) - told.at(0.1))[96:] == pytest.approx(np.full(96, 2 * 1.2816 * 20.0), rel=0.15)
    # Of the first hour too little is known yet.
    assert told.median[:4] == pytest.approx(np.full(4, 500.0))
    again = Source.taken(source.kept())
    assert around("sun", outside(500.0), OWN, again, 0.0, 1e4).values == pytest.approx(told.values, rel=1e-4)
    assert len(source.kept()) < 8000


def test_night_stays_night_whatever_they_say_and_whatever_they_were_off() -> None:
    dark = OWN.values.copy()
    dark[:, :40] = 0.0
    own = Forecast(OWN.horizon, LEVELS, dark)
    source = Source({lead: [1.0] * 200 for lead in (1, 6, 24, 48)})
    told = around("sun", outside(500.0), own, source, 0.0, 520.0, is_sun=True)
    assert (told.values[:, :40] == 0.0).all()
    assert told.values.max() <= 520.0
    source.told(outside(500.0), own)
    assert min(source._told[24]) >= NOON.timestamp() + 40 * 900.0  # nothing is learnt at night


def test_absurd_values_are_refused_and_rubbish_on_disk_begins_anew() -> None:
    with pytest.raises(ValueError, match=r"sun: -5 at 2026-06-17 12:00:00\+00:00; 0 to 10000 is allowed"):
        around("sun", outside(-5.0), OWN, Source(), 0.0, 1e4)
    for rubbish in (b"\xff", b"", None, b"\x81\x01\xc4\x03abc"):
        assert Source.taken(rubbish).errors == {}


def test_a_value_that_is_missing_teaches_nothing() -> None:
    source = Source()
    source.told(outside(500.0), OWN)
    source.closed(NOON.timestamp(), None)
    source.closed(NOON.timestamp() + 900.0, float("nan"))
    assert source.errors == {}
