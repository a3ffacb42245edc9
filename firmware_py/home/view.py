"""What the cycle is told of the home beyond its devices: the plan's orders, what is to be warm, and which cars leave."""

from typing import Protocol

from controller.cycle import Inputs
from controller.laws.departure import CarView
from controller.limits.allowed import Allowed
from controller.planning.orders import NOTHING, Orders
from controller.thermal.stores import Store


class HomeView(Protocol):
    """Asked in each cycle at the node's monotonic time; must answer at once."""

    def orders(self, now_s: float) -> Orders:
        """What the plan says of now; `NOTHING` where there is none."""
        ...

    def stores(self, now_s: float) -> tuple[Store, ...]:
        """What is to be warm or cool, with the bounds of now."""
        ...

    def cars(self, now_s: float) -> tuple[CarView, ...]:
        """The cars that are plugged in and leave at a known time."""
        ...

    def follow(self, inputs: Inputs, allowed: tuple[Allowed, ...]) -> None:
        """Take in a cycle once it is decided; must return at once."""
        ...

    async def recall(self) -> None:
        """Take up what an earlier life kept; before anything else."""
        ...

    async def run(self) -> None:
        """What goes on beside the cycles, until cancelled."""
        ...


class Plain:
    """A home without a plan. Implements `HomeView`."""

    def orders(self, now_s: float) -> Orders:
        """No plan."""
        return NOTHING

    def stores(self, now_s: float) -> tuple[Store, ...]:
        """None."""
        return ()

    def cars(self, now_s: float) -> tuple[CarView, ...]:
        """None."""
        return ()

    def follow(self, inputs: Inputs, allowed: tuple[Allowed, ...]) -> None:
        """Nothing to remember."""

    async def recall(self) -> None:
        """Nothing is kept."""

    async def run(self) -> None:
        """Nothing goes on."""
