"""What can go wrong outside, named; a daemon survives exactly these and lets everything else escape."""


class Fault(Exception):
    """Something outside the program failed; the message names the thing, what it did and what was allowed."""


class LinkDown(Fault):
    """The line, socket or broker connection is not there, or went away in the middle."""


class NoReply(Fault):
    """Nothing (or not enough) came back before the deadline."""


class BadReply(Fault):
    """Something came back that does not answer the question: wrong length, unit, function, check sum or content."""


class DeviceRefused(Fault):
    """The device answered with an exception; `code` is the Modbus exception code (1 to 11)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class NotApplied(Fault):
    """A written value reads back as something else."""


class Unsupported(Fault):
    """The device lacks a feature that was asked for; found when it is probed, reported by name."""


class Refused(Fault):
    """A message or setpoint from outside is not acceptable; the message says why, `reason` is a stable short word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StoreFailed(Fault):
    """Records could not be made durable (disk full, file damaged); nothing of the request was kept."""
