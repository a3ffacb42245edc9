"""docs/devices.md is what the catalogue says."""

import pytest

from docs.devices import PAGE, controls, measured, page
from drivers.catalogue import MODELS, THERMOMETERS


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run PYTHONPATH=. .venv/bin/python docs/devices.py"


def test_every_model_has_a_row_with_its_evidence() -> None:
    text = PAGE.read_text()
    for name, model in MODELS.items():
        (found,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"| {model.sheet.verified} |" in found
        assert found.count("|") == 9


def test_every_thermometer_has_a_row_with_its_evidence() -> None:
    _, table = PAGE.read_text().split("## Thermometers")
    for name, model in THERMOMETERS.items():
        (found,) = [line for line in table.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"| {model.sheet.verified} |" in found


@pytest.mark.parametrize(
    ("quantities", "words"),
    [
        ((), ""),
        (("power_w",), "power"),
        (("voltage_l1_v",), "voltage (1)"),
        (("power_l1_w", "power_l2_w", "power_l3_w", "power_w"), "power (123, sum)"),
        (("apparent_power_va", "energy_export_wh", "energy_import_wh"), "apparent power, energy (import, export)"),
        (("power_factor_l2_ratio", "frequency_hz"), "power factor (2), frequency"),
        (("available_energy_wh", "soc_percent"), "available energy, soc"),
    ],
)
def test_quantities_in_few_words(quantities: tuple[str, ...], words: str) -> None:
    assert measured(quantities) == words


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sunspec-inverter", "production limit (own timer)"),
        ("sma-stp", "production limit (fixed)"),
        ("huawei-sun2000", "production limit (none)"),
        ("solaredge-battery", "power (own timer)"),
        ("victron-vebus", "power (fixed)"),
        ("goodwe-et-battery", "power (none)"),
        ("keba", "current per phase (own timer)"),
        ("abb-terra-ac", "current per phase (own timer, while nobody reads it)"),
        ("alfen", "current per phase (fixed)"),
        ("go-e", "current per phase (none)"),
        ("sdm630", ""),
    ],
)
def test_what_a_node_may_tell_it_and_what_ends_that(name: str, says: str) -> None:
    assert controls(MODELS[name]) == says
