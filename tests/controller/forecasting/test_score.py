"""Scores against sums by hand and against what is known of Gaussian quantiles."""

from datetime import timedelta
from math import exp, pi, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from controller.forecasting.forecast import LEVELS, Forecast
from controller.forecasting.score import Result, Scores, pinball
from tests.controller.forecasting.days import NOON, ahead, quarters

SPREAD = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


def told(middle: float, sigma: float = 0.0, hours: float = 48.0) -> Forecast:
    horizon = ahead(NOON, hours)
    return Forecast(horizon, LEVELS, np.tile((middle + sigma * SPREAD)[:, None], horizon.steps))


def lived(scores: Scores, value: float | None, hours: float = 48.0) -> dict[int, Result]:
    for moment in quarters(NOON, round(hours * 4)):
        scores.closed("load", moment, value)
    return {each.lead_h: each for each in scores.results()}


def test_pinball_is_the_level_below_and_its_rest_beyond() -> None:
    assert pinball(10.0, {0.9: 8.0}) == pytest.approx(1.8)
    assert pinball(8.0, {0.9: 10.0}) == pytest.approx(0.2)
    assert pinball(8.0, {0.9: 10.0, 0.5: 8.0}) == pytest.approx(0.1)


def test_right_quantiles_of_noise_lose_what_the_closed_form_says() -> None:
    # The least expected loss at a level is sigma * density(z): R. Koenker, Quantile Regression (2005), 1.3.
    random, sigma = np.random.default_rng(1), 50.0
    losses = [
        pinball(value, dict(zip(LEVELS, sigma * SPREAD, strict=True))) for value in random.normal(0, sigma, 20000)
    ]
    density = [exp(-z * z / 2) / sqrt(2 * pi) for z in SPREAD]
    assert np.mean(losses) == pytest.approx(sigma * np.mean(density), rel=0.02)


def test_each_class_of_leads_has_its_own_quarters() -> None:
    scores = Scores()
    scores.told("load", told(100.0), told(130.0))
    found = lived(scores, 120.0)
    # Four quarters within the hour, 20 more within six, 72 within a day, 96 within two; the first ones faded by up to 6 %.
    assert [round(each.quarters) for each in found.values()] == [4, 19, 69, 94]
    for each in found.values():
        assert [each.mae, each.bias] == pytest.approx([20.0, -20.0])
        assert [each.plain_mae, each.skill] == pytest.approx([10.0, -1.0])
        assert each.coverage == 0.0


def test_coverage_of_a_band_is_how_often_it_held() -> None:
    scores, random = Scores(), np.random.default_rng(2)
    scores.told("load", told(100.0, 10.0, 500.0))
    for _ in range(8):
        scores.told("load", told(100.0, 10.0))
        for moment in quarters(NOON, 192):
            scores.closed("load", moment, float(random.normal(100.0, 10.0)))
    for each in scores.results():
        assert each.coverage == pytest.approx(0.8, abs=0.09)
        assert each.skill is None
        assert each.mae == pytest.approx(10.0 * sqrt(2 / pi), rel=0.25)


def test_a_quarter_counts_at_the_longest_lead_of_its_class() -> None:
    scores = Scores()
    scores.told("load", told(100.0))
    later = told(200.0)
    for minutes in range(15, 60, 15):
        scores.told("load", later, now=NOON + timedelta(minutes=minutes))
    found = lived(scores, 100.0, 1.0)
    assert found[1].mae == 0.0
    assert list(found) == [1]


def test_what_was_not_measured_is_not_scored() -> None:
    scores = Scores()
    scores.told("load", told(100.0))
    assert lived(scores, None) == {}
    scores.told("load", told(100.0))
    assert lived(scores, float("nan")) == {}
    assert lived(scores, 5.0) == {}  # the forecasts of a quarter are gone when it is over


def test_scores_are_kept_small_and_taken_back() -> None:
    scores = Scores()
    for kind in ("load", "pv", "outdoor"):
        scores.told(kind, told(100.0), told(90.0))
        for moment in quarters(NOON, 192):
            scores.closed(kind, moment, 120.0)
    kept = scores.kept()
    assert len(kept) < 1500
    assert Scores.taken(kept).results() == scores.results()
    assert Scores.taken(None).results() == ()
    assert Scores.taken(b"\xffrubbish").results() == ()


def test_old_quarters_fade() -> None:
    scores = Scores()
    for day in range(60):
        scores.told("load", told(100.0), None)
        for moment in quarters(NOON, 96):
            scores.closed("load", moment, 150.0 if day < 30 else 110.0)
    mae = scores.results()[0].mae
    # 1/e of the first month is left: (50 e^-1 + 10) / (1 + e^-1).
    assert mae == pytest.approx((50 / np.e + 10) / (1 + 1 / np.e), rel=0.02)
