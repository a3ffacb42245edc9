"""Who may listen in on a line: what its opener is led through."""

from collections.abc import Callable

from drivers.modbus.channel import Opener

Through = Callable[[Opener], Opener]


def directly(opener: Opener) -> Opener:
    """Nobody listens in."""
    return opener
