"""A device file on its way into the catalogue: what is wrong with it is said, and what a device shows through it."""

from pathlib import Path

import pytest

from drivers.candidate import TEMPLATE, examine, load
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape
from sim_hardware.virtual_time import run_virtual
from tests.drivers.memory_bus import MemoryBus

GOOD = TEMPLATE.replace("@NAME@", "meridian-m3")


def written(folder: Path, text: str) -> Path:
    path = folder / "m3.py"
    path.write_text(text)
    return path


def test_the_file_to_begin_with_can_be_loaded_and_is_short(tmp_path: Path) -> None:
    (kind,) = load(written(tmp_path, GOOD))
    assert (kind.name, kind.registers.table) == ("meridian-m3", Table.HOLDING)
    assert len(GOOD.splitlines()) < 40
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0x0001", "0x0000", r"voltage_l1_v at 0 and current_l1_a at 0 overlap"),
        ("scale=0.1)", "scale=0.0)", r"m3.py:16: ValueError: voltage_l1_v at 0: scale 0.0"),
        ("scale=0.1)", "scale=1e9)", r"scale 1000000000.0; allowed is 1000"),
        ("voltage_l1_v", "voltage_l1_kv", r"voltage_l1_kv at 0: not a quantity"),
        ("0x0006", "0xFFFF", r"energy_export_wh at 65535: allowed is 0 to 65534"),
        ("Shape.U16", "Shape.U8", r"m3.py:16: AttributeError"),
        ("MAP: Final", "MAP: Final Final", r"m3.py:14: SyntaxError"),
        ("TYPES: Final", "TYPEN: Final", r"a tuple TYPES of MeterType is needed"),
        ("from typing import Final", "import no_such_module", r"m3.py:7: ModuleNotFoundError"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load(written(tmp_path, GOOD.replace(old, new, 1)))


def test_a_file_that_is_not_there_or_no_python(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none.py:0: FileNotFoundError"):
        load(tmp_path / "none.py")
    with pytest.raises(ValueError, match=r"m3.txt: not a Python file"):
        load(tmp_path / "m3.txt")


def test_each_field_is_shown_with_its_own_words() -> None:
    registers = RegisterMap(
        Field("voltage_l1_v", 10, Shape.U16, scale=0.1),
        Field("energy_import_wh", 12, Shape.U32, low_word_first=True),
        Field("power_w", 200, Shape.S32),
        Field("frequency_hz", 202, Shape.U16, absent=0xFFFF),
        table=Table.INPUT,
    )
    bus = MemoryBus()
    bus.fill(10, [0x08FE, 0x0000, 0x2710, 0x0001], Table.INPUT)  # 230.2 V, 75,536 Wh
    bus.fill(200, [0x7FFF, 0xFFFF, 0xFFFF], Table.INPUT)  # 2,147,483,647 W, no frequency

    seen = run_virtual(examine(bus, 1, registers), horizon_s=1.0)
    assert [(each.words, each.value, each.is_believable) for each in seen] == [
        ((0x08FE,), pytest.approx(230.2), True),
        ((0x2710, 0x0001), 75_536.0, True),
        ((0x7FFF, 0xFFFF), 2_147_483_647.0, False),
        ((0xFFFF,), None, True),
    ]
