"""A device file that is not in the catalogue yet: load it, and look at a device through it, register by register."""

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.register_meter import MeterType
from protocols.ports import RegisterBus
from protocols.quantities import believable
from protocols.registers import Field, RegisterMap

TEMPLATE: Final = '''"""MAKER PRODUCT, a meter.

Source: the document with its revision and the pages that were read.
Sign:   import positive, as inside; a device that counts otherwise gets a negative scale here and nowhere else.
"""

from typing import Final

from drivers.evidence import Evidence
from drivers.register_meter import MeterType, SerialNumber
from protocols.ports import Table
from protocols.registers import Field, RegisterMap, Shape

MAP: Final = RegisterMap(
    # quantity (protocols/quantities.py), address on the wire (from 0), how it lies there, and what one of it is
    Field("voltage_l1_v", 0x0000, Shape.U16, scale=0.1),
    Field("current_l1_a", 0x0001, Shape.S16, scale=0.01),
    Field("power_w", 0x0002, Shape.S32),
    Field("energy_import_wh", 0x0004, Shape.U32, scale=10.0),
    Field("energy_export_wh", 0x0006, Shape.U32, scale=10.0),
    table=Table.HOLDING,  # function 3; Table.INPUT is function 4
)
TYPES: Final = (
    MeterType(
        name="@NAME@",
        maker="MAKER",
        product="PRODUCT",
        registers=MAP,
        verified=Evidence.UNVERIFIED,
        serial=SerialNumber(Table.HOLDING, 0x0100, 2),
    ),
)
'''


@dataclass(frozen=True, slots=True)
class Seen:
    """A field with the words that stood in its registers, and the value that they mean; whether it can be believed."""

    field: Field
    words: tuple[int, ...]
    value: float | None

    @property
    def is_believable(self) -> bool:
        """False for a value beyond anything that a device of a site can measure."""
        return self.value is None or believable(self.field.quantity, self.value)


def load(path: Path) -> tuple[MeterType, ...]:
    """The types that a device file declares in `TYPES`; it is Python and is run. ValueError says what is wrong with it."""
    spec = importlib.util.spec_from_file_location(f"busbar_candidate_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path}:{_line_of(error, path)}: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = before
    types = getattr(module, "TYPES", ())
    if not isinstance(types, tuple) or not types or not all(isinstance(each, MeterType) for each in types):
        raise ValueError(f"{path}: a tuple TYPES of MeterType is needed, as in drivers/meters/")
    return types


def _line_of(error: Exception, path: Path) -> int:
    """The last line of the file that was being run."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


async def examine(bus: RegisterBus, unit: int, registers: RegisterMap) -> list[Seen]:
    """Every field of a map as a device shows it now; a Fault where the device does not answer."""
    table = registers.table
    blocks = [await bus.read(unit, table, block.address, block.count) for block in registers.blocks]
    values = registers.decode(blocks)
    return [Seen(field, _words(field, registers, blocks), values[field.quantity]) for field in registers.fields]


def _words(field: Field, registers: RegisterMap, blocks: Sequence[Sequence[int]]) -> tuple[int, ...]:
    for block, words in zip(registers.blocks, blocks, strict=True):
        if block.address <= field.address < block.address + block.count:
            return tuple(words[field.address - block.address : field.end - block.address])
    raise AssertionError(f"{field.quantity} lies in no block of its own map")
