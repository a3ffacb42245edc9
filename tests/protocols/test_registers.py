"""Register maps: what a declaration may say, how blocks are planned, how words become values."""

import math
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ports import Table
from protocols.quantities import QUANTITIES
from protocols.registers import Block, Field, RegisterMap, Shape, text

U, I_, P = "voltage_l1_v", "current_l1_a", "power_w"


def words(hexadecimal: str) -> tuple[int, ...]:
    raw = bytes.fromhex(hexadecimal)
    return struct.unpack(f">{len(raw) // 2}H", raw)


def only(field: Field, *content: int) -> float | None:
    registers = RegisterMap(field, table=Table.INPUT)
    return registers.decode([content])[field.quantity]


@pytest.mark.parametrize(
    ("shape", "content", "value"),
    [
        (Shape.U16, "FFFE", 65534),
        (Shape.S16, "FFFE", -2),
        (Shape.U32, "0001 0002", 65538),
        (Shape.S32, "FFFF FFFE", -2),
        (Shape.U64, "0000 0001 0000 0000", 2**32),
        (Shape.S64, "FFFF FFFF FFFF FFFE", -2),
        (Shape.F32, "4366 3333", 230.1999969482422),  # IEEE 754: 0x43663333
        (Shape.F64, "406C C666 6666 6666", 230.2),
    ],
)
def test_shapes(shape: Shape, content: str, value: float) -> None:
    assert shape.words == len(words(content))
    assert only(Field(P, 0, shape), *words(content)) == value


def test_scale_and_sign() -> None:
    assert only(Field(U, 0, Shape.U16, scale=0.5), 461) == 230.5
    assert only(Field(P, 0, Shape.S16, scale=-10.0), 0xFFFF) == 10.0


def test_zero_is_an_answer_and_the_sentinel_is_none() -> None:
    field = Field(P, 0, Shape.S16, absent=-0x8000)
    assert only(field, 0) == 0.0
    assert only(field, 0x8000) is None
    assert only(field, 0x7FFF) == 32767


@pytest.mark.parametrize("content", ["7FC0 0000", "FFC0 0001", "7F80 0001", "7F80 0000", "FF80 0000"])
def test_no_number_is_none(content: str) -> None:
    """Any NaN, quiet or signalling, and both infinities."""
    assert only(Field(P, 0, Shape.F32), *words(content)) is None


def test_a_product_beyond_all_numbers_is_none() -> None:
    assert only(Field(P, 0, Shape.F64, scale=1e10), *words("7FEF FFFF FFFF FFFF")) is None


def test_word_order_may_differ_inside_one_device() -> None:
    registers = RegisterMap(
        Field(P, 0, Shape.S32),
        Field("energy_import_wh", 2, Shape.U32, low_word_first=True),
        table=Table.HOLDING,
    )
    assert registers.decode([words("0001 0002 0002 0001")]) == {P: 65538.0, "energy_import_wh": 65538.0}


def test_finite_nonsense_is_kept_for_the_poller_to_judge() -> None:
    assert only(Field(U, 0, Shape.U16), 65535) == 65535.0


@pytest.mark.parametrize(
    ("quantity", "address", "scale", "says"),
    [
        ("voltage", 0, 1.0, "voltage at 0: not a quantity"),
        (U, -1, 1.0, "voltage_l1_v at -1: allowed is 0 to 65534"),
        (U, 65535, 1.0, "voltage_l1_v at 65535: allowed is 0 to 65534"),
        (U, 0, 0.0, "scale 0.0; allowed is finite and not 0"),
        (U, 0, math.nan, "scale nan"),
        (U, 0, math.inf, "scale inf"),
    ],
)
def test_a_wrong_field_is_refused(quantity: str, address: int, scale: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Field(quantity, address, Shape.F32, scale)


@pytest.mark.parametrize(
    ("quantity", "shape", "scale", "absent", "says"),
    [
        (U, Shape.U16, 1001.0, None, "voltage_l1_v at 0: scale 1001.0; allowed is 1000, the most it can be"),
        (P, Shape.S32, -1e7, None, r"scale -10000000.0; allowed is 1e\+06"),
        ("power_factor_ratio", Shape.S16, 10.0, None, "scale 10.0; allowed is 1, the most"),
        (P, Shape.S32, 1.0, 0xFFFFFFFF, "power_w at 0: absent 4294967295 is no S32"),
        (P, Shape.U16, 1.0, -1, "absent -1 is no U16"),
        (P, Shape.U16, 1.0, 0.5, "absent 0.5 is no U16"),
        (P, Shape.F32, 1.0, 1e39, r"absent 1e\+39 is no F32"),
        (P, Shape.F32, 1.0, 0.1, "absent 0.1 is no F32"),
    ],
)
def test_an_impossible_scale_or_sentinel_is_refused(
    quantity: str, shape: Shape, scale: float, absent: float | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Field(quantity, 0, shape, scale, absent)


def test_the_largest_scale_and_the_sentinels_of_each_shape_are_allowed() -> None:
    assert Field(U, 0, Shape.U16, 1000.0).scale == 1000.0
    assert Field(P, 0, Shape.F32, 1e9).scale == 1e9  # a float has its own exponent
    sentinels = (
        (Shape.S16, -0x8000),
        (Shape.U16, 0xFFFF),
        (Shape.S64, 2**63 - 1),
        (Shape.U64, 2**64 - 1),
        (Shape.F32, -1.0),
    )
    assert all(Field(P, 0, shape, absent=absent).absent == absent for shape, absent in sentinels)


@pytest.mark.parametrize(
    ("fields", "block_max", "gap", "says"),
    [
        ((), 125, 10, "without fields"),
        ((Field(U, 0, Shape.U32), Field(P, 1, Shape.U16)), 125, 10, "voltage_l1_v at 0 and power_w at 1 overlap"),
        ((Field(U, 0, Shape.U16), Field(U, 1, Shape.U16)), 125, 10, "more than one place for voltage_l1_v"),
        ((Field(U, 0, Shape.U16),), 126, 10, "block_max 126"),
        ((Field(U, 0, Shape.F64),), 3, 10, "block_max 3"),
        ((Field(U, 0, Shape.U16),), 125, -1, "gap -1"),
    ],
)
def test_a_wrong_map_is_refused(fields: Sequence[Field], block_max: int, gap: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        RegisterMap(*fields, table=Table.INPUT, block_max=block_max, gap=gap)


def test_blocks_bridge_small_gaps_only() -> None:
    fields = Field(P, 40, Shape.U16), Field(U, 0, Shape.U16), Field(I_, 11, Shape.F32)
    assert RegisterMap(*fields, table=Table.INPUT).blocks == (Block(0, 13), Block(40, 1))
    assert RegisterMap(*fields, table=Table.INPUT, gap=27).blocks == (Block(0, 41),)
    assert RegisterMap(*fields, table=Table.INPUT, gap=9).blocks == (Block(0, 1), Block(11, 2), Block(40, 1))


def test_blocks_keep_to_the_devices_limit_and_cut_no_field() -> None:
    fields = [Field(name, 2 * place, Shape.F32) for place, name in enumerate(QUANTITIES)]
    blocks = RegisterMap(*fields, table=Table.INPUT, block_max=5).blocks
    assert blocks[:2] == (Block(0, 4), Block(4, 4))


@given(st.data())
def test_every_field_is_read_exactly_once_whatever_the_plan(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(QUANTITIES)), min_size=1, unique=True))
    address, fields = 0, []
    for name in names:
        address += data.draw(st.integers(0, 30))
        shape, swapped = data.draw(st.sampled_from(Shape)), data.draw(st.booleans())
        fields.append(Field(name, address, shape, low_word_first=swapped))
        address = fields[-1].end
    block_max, gap = data.draw(st.integers(4, 125)), data.draw(st.integers(0, 40))
    registers = RegisterMap(*fields, table=Table.INPUT, block_max=block_max, gap=gap)
    assert all(block.count <= block_max for block in registers.blocks)
    covered = [place for block in registers.blocks for place in range(block.address, block.address + block.count)]
    assert len(covered) == len(set(covered))
    image = [data.draw(st.integers(0, 65535)) for _ in range(address)]
    values = registers.decode([image[block.address : block.address + block.count] for block in registers.blocks])
    assert values == {field.quantity: _alone(field, image) for field in fields}


def _alone(field: Field, image: list[int]) -> float | None:
    """The field decoded by itself, from its own bytes."""
    order = -1 if field.low_word_first else 1
    content = b"".join(word.to_bytes(2, "big") for word in image[field.address : field.end][::order])
    (raw,) = struct.unpack(f">{field.shape.code}", content)
    return raw * field.scale if raw != field.absent and math.isfinite(raw) else None


def test_words_of_the_wrong_number_are_not_decoded() -> None:
    registers = RegisterMap(Field(P, 7, Shape.F32), table=Table.INPUT)
    with pytest.raises(ValueError, match="block at 7: 1 words; allowed is 2"):
        registers.decode([(1,)])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        registers.decode([])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("4275 7362 6172 0000 5858", "Busbar"),  # cut at the first NUL
        ("2041 4200", "AB"),
        ("C3A4 4100", "??A"),  # nothing but printable ASCII gets through
        ("0000 0000", ""),
    ],
)
def test_text(content: str, expected: str) -> None:
    assert text(words(content)) == expected
