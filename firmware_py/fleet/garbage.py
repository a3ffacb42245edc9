"""Python's garbage collector in a process full of homes: what stands to the end is not looked through again and again."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# New objects before a look, and looks before an older generation's turn: a twentieth of the CPU less than by default.
SELDOM: Final = (100_000, 50, 100)


@contextmanager
def collected_after(ramp_s: float) -> Iterator[None]:
    """Leave what is built until then out of every collection: each would walk through all of the homes."""
    usual = gc.get_threshold()
    gc.disable()
    freezing = asyncio.get_running_loop().call_later(ramp_s, _freeze)
    try:
        yield
    finally:
        freezing.cancel()
        gc.unfreeze()
        gc.set_threshold(*usual)
        gc.enable()


def _freeze() -> None:
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()
