"""Supervision: what is told to end, ends."""

import asyncio

from firmware_py.supervise import ended


async def test_a_task_that_loses_its_first_cancellation_is_ended() -> None:
    """As `asyncio.wait_for` of Python 3.11 does where the result comes in the same moment."""

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    async def broken() -> None:
        raise ValueError("is nobody's business any more")

    tasks = [asyncio.create_task(run()) for run in (deaf, broken)]
    await asyncio.sleep(0)
    async with asyncio.timeout(30.0):
        await ended(*tasks)
    assert all(task.done() for task in tasks)
