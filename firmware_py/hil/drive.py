"""The one loop of the step lock, whoever grants the steps: a socket, a HELICS federation, or a tape that is played again."""

from typing import Protocol

from firmware_py.hil.frames import Answer, BadFrame, Frame, answer
from firmware_py.hil.pace import Pace
from firmware_py.hil.session import LockStep
from firmware_py.hil.tape import Recorder


class Exchange(Protocol):
    """Where steps come from and answers go."""

    def next(self) -> Frame | None:
        """Wait for the next step; None when the simulator has finished, BadFrame for what is none."""
        ...

    def answer(self, full: Answer) -> None:
        """Say what came of it."""
        ...

    def refuse(self, why: str) -> None:
        """Say why it was not taken; the next frame may be the same step, set right."""
        ...


def drive(session: LockStep, exchange: Exchange, pace: Pace, recorder: Recorder | None = None) -> str:
    """Step until the simulator has finished, then end the node in order; the digest of everything that left it."""
    with session:
        while (frame := _accepted(session, exchange)) is not None:
            pace.begin()
            outcome = session.step(frame)
            full = answer(outcome, pace.end())
            if recorder is not None:
                recorder.step(frame, full)
            exchange.answer(full)
    digest = session.close()
    if recorder is not None:
        recorder.end(digest)
    return digest


def _accepted(session: LockStep, exchange: Exchange) -> Frame | None:
    while True:
        try:
            frame = exchange.next()
            if frame is not None:
                session.insist_next(frame)
        except BadFrame as bad:
            exchange.refuse(str(bad))
        else:
            return frame
