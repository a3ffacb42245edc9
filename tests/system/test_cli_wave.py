"""`busbar wave` and `busbar meter calibrate` as people run them."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.system.busbar import busbar, told

pytestmark = pytest.mark.system


async def test_the_example_of_the_help_makes_a_file(tmp_path: Path) -> None:
    words = "--add 'dip start_s=1 duration_s=0.1 ratio=0.4 phase=l1' --add 'noise snr_db=60'"
    assert words in " ".join((await busbar("wave", "--help")).good.split())
    ended = await busbar(
        "wave", "dip.npz", "--duration", "2s", "--add", "dip start_s=1 duration_s=0.1 ratio=0.4 phase=l1", cwd=tmp_path
    )
    assert ended.good == "dip.npz: 20000 samples of u1, u2, u3, i1, i2, i3 at 10000 Hz\n"
    with np.load(tmp_path / "dip.npz") as found:
        assert np.abs(found["u"][0, 10_000:11_000]).max() == pytest.approx(0.4 * 230 * 2**0.5, rel=1e-3)


def test_a_file_and_options_together(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(
        'fs_hz = 5000\nneutral = true\n[[add]]\nkind = "harmonic"\norder = 3\nratio = 0.1\nof = "i"\n'
    )
    out = str(tmp_path / "a.npz")
    ended = told(
        "wave",
        out,
        "--spec",
        str(tmp_path / "w.toml"),
        "--duration",
        "1s",
        "--fs-hz",
        "8000",
        "--add",
        "offset of=u1 value=5",
    )
    assert "8000 samples of u1, u2, u3, i1, i2, i3, in at 8000 Hz" in ended.good
    with np.load(out) as found:
        assert found["u"][0].mean() == pytest.approx(5.0)
        assert np.sqrt((found["i"][3] ** 2).mean()) == pytest.approx(1.5)  # three times the third harmonic


@pytest.mark.parametrize("ending", ["npz", "wav", "cff", "cfg"])
def test_every_format_calibrates_the_same(tmp_path: Path, ending: str) -> None:
    file, store = str(tmp_path / f"a.{ending}"), tmp_path / "c.json"
    adds = ("--add", "phasor of=u1 ratio=1.02", "--add", "phasor of=i2 angle_deg=-0.9", "--add", "offset of=u3 value=2")
    assert told("wave", file, "--duration", "2s", "--angle-deg", "60", *adds).code == 0
    words = (
        "--store",
        str(store),
        "--voltage-v",
        "230",
        "--current-a",
        "5",
        "--lag-deg",
        "60",
        "--by",
        "lab",
        "--json",
    )
    found = json.loads(told("meter", "calibrate", file, *words).good)
    assert found["u1"]["gain"] == pytest.approx(1 / 1.02, rel=1e-5)
    assert found["i2"]["delay_us"] == pytest.approx(50.0, abs=0.2)
    assert found["u3"]["offset"] == pytest.approx(2.0, abs=1e-3)
    assert told("meter", "calibrate", file, *words).code == 0
    history = json.loads(store.read_bytes())["sets"]
    assert [each["by"] for each in history] == ["lab", "lab"]


def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    out = str(tmp_path / "a.npz")
    told("wave", str(tmp_path / "a.txt")).says(2, "allowed endings are .npz, .wav, .cfg, .cff")
    told("wave", out, "--add", "harmonic order").says(2, "'order': key=value is needed")
    told("wave", str(tmp_path / "no" / "a.npz")).says(2, "No such file")
    told("wave", str(tmp_path / "a.wav"), "--voltage-v", "400").says(2, "u1 reaches 565.685 V: full scale is 500 V")
    assert "did you mean harmonic?" in told("wave", out, "--add", "harmonc order=5 ratio=0.1").err
    assert told("wave", out, "--duration", "2s").code == 0
    store = ("--store", str(tmp_path / "c.json"))
    told("meter", "calibrate", out, *store).says(2, "--voltage-v, --current-a or --neutral-a is needed")
    told("meter", "calibrate", out, *store, "--neutral-a", "1").says(1, "in: not among the channels")
    told("meter", "calibrate", out, *store, "--current-a", "50").says(1, "i1: 5 A where the reference has 50 A")
    told("meter", "calibrate", str(tmp_path / "b.npz"), *store, "--current-a", "5").says(2, "b.npz: No such file")
    assert not (tmp_path / "c.json").exists()
