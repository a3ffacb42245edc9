"""Waiting for what must come, by looking again and again; never by sleeping for a guessed time."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
# Long enough for a busy machine with two cores: a test that passes never waits for it.
PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.05


async def eventually(
    what: str,
    look: Callable[[], T],
    *,
    within_s: float = PATIENCE_S,
    seen: Callable[[], str] = str,
) -> T:
    """The first true thing that `look` finds; fails with what was wanted, and what `seen` says instead."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + within_s
    while True:
        if found := look():
            return found
        assert loop.time() < deadline_s, f"not within {within_s:g} s: {what}\n{seen()}"
        await asyncio.sleep(_LOOK_S)
