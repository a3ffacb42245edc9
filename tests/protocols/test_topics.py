"""Topics: one node, one branch of the tree, and no name that would reach into another."""

import pytest

from protocols.quantities import QUANTITIES, Unit, believable
from protocols.topics import Topics


def test_everything_of_a_node_is_below_its_name() -> None:
    topics = Topics("home-1")
    assert topics.telemetry("grid") == "busbar/1/home-1/telemetry/grid"
    assert topics.flexibility == "busbar/1/home-1/flexibility"
    assert topics.inbound == ("busbar/1/home-1/contract/in", "busbar/1/home-1/durable")
    assert (topics.outlook_in, topics.plan) == ("busbar/1/home-1/outlook/in", "busbar/1/home-1/plan")
    assert (topics.limit_in, topics.limit) == ("busbar/1/home-1/limit/in", "busbar/1/home-1/limit")


@pytest.mark.parametrize("node", ["", "a/b", "#", "+", "-x", "a b", "x" * 65, "ü"])
def test_a_name_that_is_no_single_level_is_an_error(node: str) -> None:
    with pytest.raises(ValueError, match="node id"):
        Topics(node)


def test_every_quantity_says_its_unit_in_its_name() -> None:
    suffix = {
        Unit.VOLT: "_v",
        Unit.AMPERE: "_a",
        Unit.WATT: "_w",
        Unit.VOLT_AMPERE: "_va",
        Unit.VAR: "_var",
        Unit.HERTZ: "_hz",
        Unit.WATT_HOUR: "_wh",
        Unit.PERCENT: "_percent",
        Unit.CELSIUS: "_c",
        Unit.ONE: "_ratio",
        Unit.STATE: "_state",
    }
    for name, quantity in QUANTITIES.items():
        assert name.endswith(suffix[quantity.unit])
        assert quantity.least < quantity.most


@pytest.mark.parametrize(("value", "expected"), [(0.0, True), (50.0, True), (100.1, False), (float("nan"), False)])
def test_what_can_be_believed_of_a_frequency(value: float, expected: bool) -> None:
    assert believable("frequency_hz", value) is expected
