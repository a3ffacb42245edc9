"""Houses learnt from weeks that the simulated hardware's physics made, and every reason not to believe a fit."""

from dataclasses import replace

import numpy as np
import pytest

from controller.thermal import fit_house
from controller.thermal.fit_house import HouseRecord, fit
from controller.thermal.models import HouseModel
from controller.thermal.outcome import Fitted, Reason, Unfit
from sim_hardware.physics.thermal.house import TERRACE, House, HouseParams
from tests.controller.thermal.recorded import TRUE_GAIN_W, house_record, weather

TRUE = {**{name: getattr(TERRACE, name) for name in TERRACE.__slots__}, "gain_w": TRUE_GAIN_W}
TRUTH = HouseModel(**TRUE)


def fitted(record: HouseRecord, present: HouseModel | None = None) -> Fitted[HouseModel]:
    outcome = fit(record, present)
    assert isinstance(outcome, Fitted), outcome
    return outcome


def refused(record: HouseRecord, present: HouseModel | None = None) -> Unfit:
    outcome = fit(record, present)
    assert isinstance(outcome, Unfit), outcome
    return outcome


def off_in_errors(found: Fitted[HouseModel]) -> list[float]:
    return [abs(getattr(found.model, name) - TRUE[name]) / error for name, error in found.errors.items()]


def test_the_truth_lies_within_the_errors_that_are_told() -> None:
    found = [fitted(house_record(seed, is_mean=False, dt_s=60.0)) for seed in range(6)]
    off = np.array([off_in_errors(one) for one in found])
    assert np.mean(off < 2.0) >= 0.85
    assert off.max() < 4.0
    # And the errors are no excuse: small enough to be of use, not so small that nothing could lie within.
    for one in found:
        assert 0.001 * 160 < one.errors["envelope_w_per_k"] < 0.05 * 160
        assert one.model.envelope_w_per_k == pytest.approx(160.0, rel=0.03)
        assert one.rmse_k < 0.15
        assert one.days == pytest.approx(9.0)


@pytest.mark.parametrize("step_s", [900.0, pytest.param(300.0, marks=pytest.mark.slow)])
def test_means_of_steps_with_holes_do_as_well(step_s: float) -> None:
    record = house_record(7, 7, step_s=step_s, dt_s=60.0)
    rng = np.random.default_rng(7)
    room, heat = record.room_c.copy(), record.heat_w.copy()
    room[rng.random(len(room)) < 0.1] = np.nan
    heat[round(50.0 * 3600 / step_s) : round(53.0 * 3600 / step_s)] = np.nan
    found = fitted(replace(record, room_c=room, heat_w=heat))
    assert found.model.envelope_w_per_k == pytest.approx(160.0, rel=0.04)
    assert found.model.mass_j_per_k == pytest.approx(30e6, rel=0.05)
    assert found.rmse_k < 0.15
    assert found.days == pytest.approx(5.9 * 0.9, abs=0.15)


def test_heat_from_power_and_the_cop_of_a_data_sheet_predicts_a_day() -> None:
    for seed in range(3):
        found = fitted(house_record(seed, believed_cop=True))
        assert found.model.envelope_w_per_k == pytest.approx(160.0, rel=0.08)
        assert found.rmse_k < 0.25


def test_another_house() -> None:
    light = HouseParams(envelope_w_per_k=300.0, air_j_per_k=2e6, mass_j_per_k=12e6, coupling_w_per_k=900.0)
    found = fitted(house_record(3, params=light, night_c=16.0))
    assert found.model.envelope_w_per_k == pytest.approx(300.0, rel=0.05)
    assert found.model.mass_j_per_k == pytest.approx(12e6, rel=0.08)


def _sunny(days: int) -> HouseRecord:
    rng, dt_s = np.random.default_rng(2), 900.0
    outdoor_c = weather(days, dt_s, rng)
    hours = np.arange(len(outdoor_c)) * 0.25
    cloud = np.repeat(rng.uniform(0.1, 1.0, days), 96)
    sun = np.maximum(0.0, 500.0 * np.sin(2 * np.pi * (hours - 7.0) / 24.0)) * cloud
    house, heat_w = House(TERRACE, air_c=20.0), np.where(hours % 6.0 < 2.5, 4_500.0, 800.0)
    room_c = np.empty_like(outdoor_c)
    for k, out_c in enumerate(outdoor_c):
        house.outdoor_c, house.air_gain_w = float(out_c), float(heat_w[k] + TRUE_GAIN_W + 4.0 * sun[k])
        house.after(dt_s)
        room_c[k] = house.air_c
    shown_c = np.round(room_c + rng.normal(0.0, 0.05, len(room_c)), 1)
    return HouseRecord(dt_s, shown_c, outdoor_c, heat_w, sun, is_mean=False)


def test_the_sun_s_share_is_learnt_where_it_is_recorded() -> None:
    found = fitted(_sunny(10))
    assert found.model.aperture_m2 == pytest.approx(4.0, abs=max(0.1, 3.0 * found.errors["aperture_m2"]))
    assert found.model.envelope_w_per_k == pytest.approx(160.0, rel=0.03)
    blind = fit(replace(_sunny(10), sun_w_per_m2=None))
    assert isinstance(blind, Unfit) or blind.rmse_k > 2.0 * found.rmse_k


def test_a_better_model_replaces_the_present_one_and_no_other_does() -> None:
    record = house_record(1)
    believed = HouseModel(260.0, 4e6, 20e6, 1_000.0, 300.0)
    assert fitted(record, believed).rmse_k < fit_house.ahead_rmse_k(believed, record, 96)
    kept = refused(record, fitted(record).model)
    assert kept.reason is Reason.NOT_BETTER
    assert "the present model is" in kept.text


def test_readings_of_the_held_out_day_are_not_looked_at() -> None:
    record = house_record(1, 7)
    room = record.room_c.copy()
    room[-96:] += 1.0
    assert fit_house.ahead_rmse_k(TRUTH, replace(record, room_c=room), 96) == pytest.approx(1.0, abs=0.1)
    # The model is the same, whatever the last day shows.
    assert fitted(replace(record, room_c=room)).model == fitted(record).model


def test_a_sensor_that_is_off_for_hours_makes_the_errors_wider() -> None:
    record, rng = house_record(1), np.random.default_rng(8)
    loose = rng.normal(0.0, 0.1, len(record.room_c))
    slow = np.zeros_like(loose)
    for k in range(1, len(slow)):
        slow[k] = 0.9 * slow[k - 1] + np.sqrt(1.0 - 0.9**2) * loose[k]
    white, tied = (fitted(replace(record, room_c=record.room_c + noise)) for noise in (loose, slow))
    # As noisy, but for hours on end: free noise would count each step.
    assert tied.errors["envelope_w_per_k"] > 1.5 * white.errors["envelope_w_per_k"]
    assert max(off_in_errors(tied)[:1] + off_in_errors(tied)[4:]) < 3.0


# What is refused


def test_too_short() -> None:
    assert refused(house_record(1, 4)).reason is Reason.TOO_SHORT
    holes = house_record(1, 10)
    heat = holes.heat_w.copy()
    heat[::20] = np.nan  # no six hours without one
    assert refused(replace(holes, heat_w=heat)).text.startswith("house: 0.0 days without a hole; at least 4")


def test_too_still() -> None:
    record = house_record(1, 7)
    same = replace(record, room_c=np.full_like(record.room_c, 20.0))
    assert refused(same).text == "house: the room moved by 0.0 K; at least 1 K tell a model"
    unheated = replace(record, heat_w=np.zeros_like(record.heat_w))
    assert refused(unheated).text == "house: the heat moved by 0 W; at least 300 W are needed"


def test_a_residual_that_no_house_explains() -> None:
    record = house_record(1, 7)
    noise = np.random.default_rng(0).normal(0.0, 0.8, len(record.room_c))
    assert refused(replace(record, room_c=record.room_c + noise)).reason is Reason.RESIDUAL


def test_a_record_in_the_wrong_unit_makes_no_house() -> None:
    record = house_record(1, 7)
    outcome = refused(replace(record, heat_w=record.heat_w * 0.05))
    assert outcome.reason is Reason.UNPHYSICAL
    assert "houses have" in outcome.text


def test_a_room_that_cools_for_days_tells_no_conductance_apart_from_a_capacity() -> None:
    """Hardly any heat: only the quotient of loss and capacity can be seen. It is the error that says so."""
    rng, dt_s = np.random.default_rng(5), 900.0
    outdoor_c = weather(7, dt_s, rng)
    house, heat_w = House(TERRACE, air_c=22.0), np.where(np.arange(len(outdoor_c)) % 96 < 8, 320.0, 0.0)
    room_c = []
    for out_c, heat in zip(outdoor_c, heat_w, strict=True):
        house.outdoor_c, house.air_gain_w = float(out_c), float(heat) + TRUE_GAIN_W
        house.after(dt_s)
        room_c.append(house.air_c)
    shown_c = np.round(np.array(room_c) + rng.normal(0.0, 0.1, len(room_c)), 1)
    outcome = refused(HouseRecord(dt_s, shown_c, outdoor_c, heat_w, is_mean=False))
    assert outcome.reason is Reason.UNCERTAIN
    assert "±" in outcome.text


def test_a_search_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.thermal.least_squares._MOST_ROUNDS", 1)
    assert refused(house_record(1, 6)).reason is Reason.NO_MINIMUM


def test_a_prediction_over_a_hole_is_none() -> None:
    record = house_record(1, 7)
    heat = record.heat_w.copy()
    heat[-100] = np.nan
    assert fit_house.ahead_rmse_k(TRUTH, replace(record, heat_w=heat), 96) == np.inf
    assert fit_house.ahead_rmse_k(TRUTH, record, 96) < 0.15
