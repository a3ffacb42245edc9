"""docs/devices.md is what the catalogue says."""

import pytest

from docs.devices import PAGE, measured, page
from drivers.catalogue import MODELS


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run PYTHONPATH=. .venv/bin/python docs/devices.py"


def test_every_model_has_a_row_with_its_evidence() -> None:
    text = PAGE.read_text()
    for name, model in MODELS.items():
        (found,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"| {model.sheet.verified} |" in found
        assert found.count("|") == 8


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
