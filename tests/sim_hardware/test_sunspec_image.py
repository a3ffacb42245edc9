"""The SunSpec engine: layout on the wire, not-implemented values, scale factors, and what may be written."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ports import Table
from sim_hardware.devices import sunspec_models as layout
from sim_hardware.devices.image import IllegalAddress, IllegalValue, ModbusRefusal
from sim_hardware.devices.sunspec import INT16, UINT16, UINT32, Block, Kind, SunSpecImage
from sim_hardware.home import SimHome
from tests.sim_hardware.test_sunspec_models import official


def image() -> SunSpecImage:
    content = Block(layout.M713, {"WH_SF": 1, "Pct_SF": -1}, {"SoC": (10.0, 90.0), "Sta": frozenset({0, 2})})
    content.put(WHRtg=12_340.0, SoC=55.5, Sta=0)
    return SunSpecImage([Block(layout.M1, {}), content])


def test_the_map_starts_with_suns_and_ends_with_the_end_marker() -> None:
    words = image().read(Table.HOLDING, 40_000, 2 + 68 + 9 + 2)
    assert struct.pack(">2H", *words[:2]) == b"SunS"
    assert words[2:4] == [1, 66]
    assert words[70:72] == [713, 7]
    assert words[-2:] == [0xFFFF, 0]


def test_values_stand_scaled_and_what_is_missing_says_so() -> None:
    # WHRtg 1234 * 10^1, WHAvail missing, SoC 555 * 10^-1, SoH missing, Sta, WH_SF 1, Pct_SF -1
    assert image().read(Table.HOLDING, 40_072, 7) == [1234, 0xFFFF, 555, 0xFFFF, 0, 1, 0xFFFF]


@pytest.mark.parametrize(("address", "count"), [(39_999, 1), (39_999, 3), (40_081, 1), (40_080, 2), (0, 2)])
def test_nothing_stands_outside_the_map(address: int, count: int) -> None:
    with pytest.raises(IllegalAddress):
        image().read(Table.HOLDING, address, count)


def test_only_holding_registers() -> None:
    with pytest.raises(ModbusRefusal) as refused:
        image().read(Table.INPUT, 40_000, 2)
    assert refused.value.code == 1


@given(first=st.integers(0, 79), count=st.integers(1, 80))
def test_a_piece_is_a_piece_of_the_whole(first: int, count: int) -> None:
    count = min(count, 81 - first)
    whole = image().read(Table.HOLDING, 40_000, 81)
    assert image().read(Table.HOLDING, 40_000 + first, count) == whole[first : first + count]


def test_writing_takes_whole_writable_points_in_range() -> None:
    device = image()
    device.write(40_074, [600])
    assert device.read(Table.HOLDING, 40_074, 1) == [600]
    device.write(40_076, [2])
    assert device.read(Table.HOLDING, 40_076, 1) == [2]


@pytest.mark.parametrize(
    ("address", "words", "refusal"),
    [
        (40_074, [901], IllegalValue),  # 90.1 %
        (40_074, [99], IllegalValue),
        (40_076, [1], IllegalValue),  # a symbol, but not one that this device takes
        (40_072, [1234], IllegalAddress),  # read-only
        (40_073, [1], IllegalAddress),  # not implemented
        (40_074, [600, 100], IllegalAddress),  # into a read-only point
        (40_070, [713], IllegalAddress),  # the header
        (40_079, [0], IllegalAddress),  # the end marker
        (40_069, [0, 713], IllegalAddress),  # across two models
    ],
)
def test_anything_else_is_refused_and_changes_nothing(
    address: int, words: list[int], refusal: type[ModbusRefusal]
) -> None:
    device = image()
    before = device.read(Table.HOLDING, 40_000, 81)
    with pytest.raises(refusal):
        device.write(address, words)
    assert device.read(Table.HOLDING, 40_000, 81) == before


@pytest.mark.parametrize(
    ("kind", "raw", "clipped"),
    [
        (UINT16, 70_000, 0xFFFE),
        (UINT16, -1, 0),
        (INT16, 40_000, 0x7FFF),
        (INT16, -40_000, -0x7FFF),
        (UINT32, 1 << 40, 0xFFFF_FFFE),
    ],
)
def test_a_value_too_large_never_reads_as_not_implemented(kind: Kind, raw: int, clipped: int) -> None:
    assert kind.clip(raw) == clipped != kind.absent


ABSENT = {
    "int16": [0x8000],
    "uint16": [0xFFFF],
    "enum16": [0xFFFF],
    "sunssf": [0x8000],
    "acc32": [0, 0],
    "bitfield32": [0xFFFF, 0xFFFF],
    "int32": [0x8000, 0],
    "uint32": [0xFFFF, 0xFFFF],
}


@pytest.mark.parametrize(("device", "model"), [("pv", m) for m in (1, 103, 120, 121, 123, 704)] + [("battery", 713)])
def test_every_mandatory_point_is_implemented(device: str, model: int) -> None:
    sunspec = SimHome(1).images[device]
    assert isinstance(sunspec, SunSpecImage)
    for point in official(model)["points"]:
        if point.get("mandatory") == "M" and point["name"] not in ("ID", "L", "WH"):
            words = sunspec.read(Table.HOLDING, sunspec.address(model, point["name"]), point["size"])
            assert words != _absent(point), point["name"]


def _absent(point: dict[str, Any]) -> list[int]:
    return [0] * int(point["size"]) if point["type"] == "string" else ABSENT[point["type"]]
