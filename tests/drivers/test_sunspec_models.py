"""Our tables of SunSpec models against the model files that come with pysunspec2."""

import pytest

from drivers.sunspec import models
from drivers.sunspec.measure import MEASURED
from drivers.sunspec.points import Kind, Model, Point, Snapshot
from protocols.quantities import QUANTITIES
from tests.drivers.sunspec_image import points

TABLES = [value for value in vars(models).values() if isinstance(value, Model)]


def test_the_models_of_the_issue_are_there() -> None:
    assert sorted(model.number for model in TABLES) == [1, 103, 120, 121, 123, 124, 701, 702, 704, 713]


@pytest.mark.parametrize("model", TABLES, ids=lambda model: f"{model.number}")
def test_every_point_is_where_and_what_the_model_file_says(model: Model) -> None:
    known = points(model.number)
    for point in model.points.values():
        offset, official = known[point.name]
        found = (point.offset, point.kind.value[0], point.kind.words, point.scale)
        assert found == (offset, official["type"], official["size"], official.get("sf")), point.name
    for place in model.texts.values():
        offset, official = known[place.name]
        assert (place.offset, "string", place.words) == (offset, official["type"], official["size"]), place.name


@pytest.mark.parametrize("model", TABLES, ids=lambda model: f"{model.number}")
def test_everything_of_a_model_fits_into_one_transaction(model: Model) -> None:
    if model.points:
        assert model.span(tuple(model.points))[1] <= 125


@pytest.mark.parametrize("kind", Kind)
def test_not_implemented_is_what_pysunspec2_says(kind: Kind) -> None:
    from sunspec2 import mb

    raw = mb.create_unimpl_value(kind.value[0])
    words = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
    model = Model(999, (Point("before", 2, Kind.UINT16), Point("it", 4, kind)))
    assert Snapshot(model, 2, [1, 2, *words]).raw("it") is None
    assert Snapshot(model, 2, [1, 2, *words[:-1], 7]).raw("it") is not None
    assert Snapshot(model, 2, [1, 2, *words[:-1]]).raw("it") is None  # a model that ends before
    with pytest.raises(ValueError, match="does not fit"):
        kind.encode(kind.value[2])


@pytest.mark.parametrize(
    ("kind", "number"), [(Kind.UINT16, -1), (Kind.UINT16, 65536), (Kind.INT32, 2**31), (Kind.UINT32, 2**32)]
)
def test_a_number_that_does_not_fit_is_not_written(kind: Kind, number: int) -> None:
    with pytest.raises(ValueError, match=f"{number} does not fit"):
        kind.encode(number)


def test_what_is_measured_has_known_names_and_points() -> None:
    for model, sources in MEASURED.items():
        assert all(source.quantity in QUANTITIES and source.point in model.points for source in sources.each)


def test_a_scale_factor_must_be_a_point_of_the_model() -> None:
    with pytest.raises(ValueError, match=r"model 9: scale factors .'W_SF'. are not points of it"):
        Model(9, (Point("W", 2, Kind.INT16, "W_SF"),))
