"""Whether an authentic command may be carried out by a meter. Pure; every refusal has a short stable reason."""

from datetime import datetime

from controller.admission import Refusal
from protocols.meter_commands import Command

# What leaves the number unused: it was not the issuer's own word to this meter, or it was one before.
WITHOUT_NUMBER = ("issuer", "audience", "sequence")


def judge(command: Command, issuer: str, meter: str, last_seq: int, utc: datetime) -> Refusal | None:
    """The first reason against it, in the order of what an attacker would try; None where there is none.

    The number of any other refused command is used up, so that it cannot be played again when it would fit.
    """
    if command.iss != issuer:
        return Refusal(
            "issuer", f"signed with a key of {issuer!r} but issued by {command.iss!r}: they must be the same"
        )
    if command.aud != meter:
        return Refusal("audience", f"meant for {command.aud!r}: this meter is {meter!r}")
    if command.seq <= last_seq:
        return Refusal("sequence", f"sequence {command.seq} of {issuer} is used up: above {last_seq} is allowed")
    if command.good_until < utc:
        return Refusal("expired", f"was good until {command.good_until}: it is {utc} now")
    return None
