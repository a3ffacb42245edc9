"""Load profiles: SimBench's own file where it is installed, ours anywhere."""

from importlib import util
from pathlib import Path
from random import Random

import numpy as np
import pytest

from sim_hardware.physics import profiles
from sim_hardware.physics.profiles import Profile, simbench, simbench_names, synthetic


def _a_table(folder: Path) -> Path:
    table = folder / "LoadProfile.csv"
    table.write_text("time;H0-A_qload;H0-A_pload;G1-B_pload;G1-B_qload\na;1;2;3;4\nb;5;6;7;8\n")
    return table


def test_simbench_s_table_is_read_by_its_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = _a_table(tmp_path)
    monkeypatch.setattr(profiles, "_table", lambda: table)
    assert simbench_names() == ("H0-A", "G1-B")
    home, shop = simbench("H0-A"), simbench("G1-B")
    assert (home.active.tolist(), home.reactive.tolist()) == ([2.0, 6.0], [1.0, 5.0])
    assert (shop.active.tolist(), shop.reactive.tolist()) == ([3.0, 7.0], [4.0, 8.0])
    with pytest.raises(ValueError, match="'H9' is not there; known are G1-B, H0-A"):
        simbench("H9")


def test_without_simbench_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --editable '\.\[sim\]'"):
        simbench("H0-A")


@pytest.mark.slow
@pytest.mark.skipif(util.find_spec("simbench") is None, reason="SimBench (extra `sim`) is not installed")
def test_the_installed_simbench_has_a_year_of_homes() -> None:
    assert {"H0-A", "H0-B", "G0-A"} <= set(simbench_names())
    home = simbench("H0-A")
    assert len(home.active) == 366 * 96  # 2016
    assert 0.0 <= home.active.min() < home.active.mean() < home.active.max() <= 1.0


def test_a_value_holds_for_its_step_and_the_year_begins_anew() -> None:
    profile = Profile(900.0, np.array([1.0, 2.0]), np.array([0.1, 0.2]))
    assert [profile.at(second)[0] for second in (0.0, 899.9, 900.0, 1799.0, 1800.0)] == [1.0, 1.0, 2.0, 2.0, 1.0]
    assert profile.at(900.0) == (2.0, 0.2)
    with pytest.raises(ValueError, match="profile: 0 active and 0 reactive"):
        Profile(900.0, np.array([]), np.array([]))
    with pytest.raises(ValueError, match="second is nan"):
        profile.at(float("nan"))


def test_our_own_home_has_its_year_its_evenings_and_its_seed() -> None:
    one, same, other = (synthetic(Random(seed), year_wh=4e6) for seed in (1, 1, 2))
    assert one.active.mean() * 8760.0 == pytest.approx(4e6)
    assert one.active.tolist() == same.active.tolist() != other.active.tolist()
    days = one.active.reshape(-1, 96).mean(axis=0)
    assert days[76:82].mean() > 2.0 * days[8:16].mean()
    with pytest.raises(ValueError, match="profile: year_wh is -1"):
        synthetic(Random(1), year_wh=-1.0)
