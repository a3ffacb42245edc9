"""Tanks learnt from the sensor in the lower half of the simulated one, and every reason not to believe a fit."""

from dataclasses import replace

import numpy as np
import pytest

from controller.thermal.fit_tank import TankRecord, drawn_w, draws, fit
from controller.thermal.models import TankModel
from controller.thermal.outcome import Fitted, Reason, Unfit
from sim_hardware.physics.thermal.water_heater import WaterHeaterParams
from tests.controller.thermal.recorded import tank_record

TRUE_J_PER_K = 200.0 * 0.998 * 4_186.0


def fitted(record: TankRecord, present: TankModel | None = None) -> Fitted[TankModel]:
    outcome = fit(record, present)
    assert isinstance(outcome, Fitted), outcome
    return outcome


def refused(record: TankRecord, present: TankModel | None = None) -> Unfit:
    outcome = fit(record, present)
    assert isinstance(outcome, Unfit), outcome
    return outcome


@pytest.mark.parametrize("is_mean", [True, False])
@pytest.mark.parametrize("step_s", [900.0, 300.0])
def test_capacity_and_loss_lie_within_the_errors_that_are_told(step_s: float, is_mean: bool) -> None:
    off = []
    for seed in range(5):
        found = fitted(tank_record(seed, step_s=step_s, is_mean=is_mean)[0])
        assert found.model.heat_j_per_k == pytest.approx(TRUE_J_PER_K, rel=0.06)
        assert found.model.loss_w_per_k == pytest.approx(1.7, rel=0.08)
        off.append(abs(found.model.heat_j_per_k - TRUE_J_PER_K) / found.errors["heat_j_per_k"])
        off.append(abs(found.model.loss_w_per_k - 1.7) / found.errors["loss_w_per_k"])
    assert np.mean(np.array(off) < 2.0) >= 0.7
    assert max(off) < 5.0


def test_a_larger_and_worse_tank() -> None:
    params = WaterHeaterParams(volume_l=300.0, loss_w_per_k=3.0, element_w=3_000.0)
    found = fitted(tank_record(1, params=params)[0])
    assert found.model.heat_j_per_k == pytest.approx(1.5 * TRUE_J_PER_K, rel=0.05)
    assert found.model.loss_w_per_k == pytest.approx(3.0, rel=0.08)
    assert found.rmse_k < 0.6


def test_whole_burns_would_tell_no_capacity() -> None:
    """Why the ends of burns are looked at: in a whole one half the water warms, or a draw goes on."""
    record, _ = tank_record(2, step_s=300.0, is_mean=False)
    on = record.heat_w > 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(int)))
    burns = [(a - 1, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if a > 0]
    whole = [record.heat_w[a : b + 1].sum() * 300.0 / (record.water_c[b] - record.water_c[a]) for a, b in burns]
    near = np.abs(np.array(whole) / TRUE_J_PER_K - 1.0) < 0.15
    assert near.mean() < 0.3
    assert min(w for w in whole if w > 0.0) < 0.6 * TRUE_J_PER_K


@pytest.mark.parametrize("is_mean", [True, False])
def test_what_was_drawn_and_when(is_mean: bool) -> None:
    record, truth_w = tank_record(3, 28, is_mean=is_mean)
    found_w = drawn_w(record, fitted(record).model)
    seen = np.isfinite(found_w)
    assert found_w[seen].sum() == pytest.approx(truth_w[seen].sum(), rel=0.02)
    profile = draws(found_w, 900.0, 0.0)
    assert not isinstance(profile, Unfit)
    by_hour, true_by_hour = (
        w.reshape(-1, 96).mean(axis=0).reshape(24, 4).mean(axis=1) for w in (profile.mean_w, truth_w)
    )
    assert np.corrcoef(by_hour, true_by_hour)[0, 1] > 0.95
    assert (np.diff(profile.quantile_w, axis=0) >= 0.0).all()
    night, evening = profile.quantile_w[:, 4:16], profile.quantile_w[2, 78:84]
    assert night.max() < 100.0
    assert evening.min() > 1_000.0


def test_the_profile_begins_at_midnight_whenever_the_record_does() -> None:
    record, truth_w = tank_record(4)
    found = drawn_w(record, fitted(record).model)
    late = draws(found[40:], 900.0, 10 * 3600.0)
    assert not isinstance(late, Unfit)
    true_w = truth_w.reshape(-1, 96).mean(axis=0)
    assert (
        abs(
            int(np.argmax(np.convolve(late.mean_w, np.ones(8), "same")))
            - int(np.argmax(np.convolve(true_w, np.ones(8), "same")))
        )
        <= 4
    )
    short = draws(found[: 2 * 96], 900.0, 0.0)
    assert isinstance(short, Unfit)
    assert short.reason is Reason.TOO_SHORT


# What is refused


def test_too_few_burns_and_too_few_rests() -> None:
    record, _ = tank_record(1)
    short = replace(record, water_c=record.water_c[:192], heat_w=record.heat_w[:192])
    assert refused(short).reason is Reason.TOO_STILL
    assert "at least 5 tell a loss" in refused(short).text
    cold = replace(record, heat_w=np.zeros_like(record.heat_w))
    assert refused(cold).reason is Reason.TOO_STILL
    water = record.water_c.copy()
    water[np.flatnonzero(record.heat_w > 0.0)] = np.nan  # the sensor dies whenever the element is on
    assert refused(replace(record, water_c=water)).reason in (Reason.TOO_SHORT, Reason.TOO_STILL)


def test_a_record_in_the_wrong_unit_makes_no_tank() -> None:
    record, _ = tank_record(1)
    outcome = refused(replace(record, heat_w=record.heat_w * 0.001))
    assert outcome.reason is Reason.UNPHYSICAL
    assert "heat_j_per_k comes out at" in outcome.text


def test_a_sensor_that_wanders_tells_nothing() -> None:
    record, _ = tank_record(1)
    noise = np.random.default_rng(1).normal(0.0, 1.5, len(record.water_c))
    assert refused(replace(record, water_c=record.water_c + noise)).reason in (Reason.UNCERTAIN, Reason.TOO_STILL)


def test_the_present_model_stays_where_it_foretells_as_well() -> None:
    record, _ = tank_record(1)
    found = fitted(record)
    assert fitted(record, replace(found.model, loss_w_per_k=5.0)) == found
    later = np.inf
    for rate in np.linspace(0.9, 1.1, 41):  # the best of these is at least as good on the very rests
        outcome = fit(record, replace(found.model, loss_w_per_k=found.model.loss_w_per_k * float(rate)))
        later = min(later, 0.0 if isinstance(outcome, Unfit) and outcome.reason is Reason.NOT_BETTER else np.inf)
    assert later == 0.0


def test_holes_are_left_out() -> None:
    record, _ = tank_record(2)
    water = record.water_c.copy()
    water[np.random.default_rng(0).random(len(water)) < 0.02] = np.nan
    found = fitted(replace(record, water_c=water))
    assert found.model.heat_j_per_k == pytest.approx(TRUE_J_PER_K, rel=0.08)
    assert found.days == pytest.approx(14 * 0.98, abs=0.3)
