"""Admission: whether an authentic contract may enter the book. Pure; every refusal has a short stable reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocols.contracts import Contract


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """What this node accepts: its name, the connection's limits (magnitudes, W), and how far and long it plans."""

    node: str
    import_limit_w: float
    export_limit_w: float
    # A month ahead and a week long: beyond that a typing error is likelier than a trade.
    horizon: timedelta = timedelta(days=31)
    longest: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a stable short word and a sentence with the value and what was allowed."""

    reason: str
    why: str


def judge(
    contract: Contract, issuer: str, policy: AdmissionPolicy, last_seq: Mapping[str, int], utc: datetime
) -> Refusal | None:
    """The first reason against the contract, in the order of what an attacker would try; None where there is none."""
    return (
        _who(contract, issuer, policy)
        or _sequence(contract, last_seq.get(issuer, 0))
        or _window(contract, policy, utc)
        or _power(contract, policy)
    )


def _who(contract: Contract, issuer: str, policy: AdmissionPolicy) -> Refusal | None:
    if contract.iss != issuer:
        return Refusal(
            "issuer", f"signed with a key of {issuer!r} but issued by {contract.iss!r}: they must be the same"
        )
    if contract.aud != policy.node:
        return Refusal("audience", f"meant for {contract.aud!r}: this node is {policy.node!r}")
    return None


def _sequence(contract: Contract, last: int) -> Refusal | None:
    if contract.seq > last:
        return None
    return Refusal("sequence", f"sequence {contract.seq} of {contract.iss} is used up: above {last} is allowed")


def _window(contract: Contract, policy: AdmissionPolicy, utc: datetime) -> Refusal | None:
    if contract.end <= contract.start:
        return Refusal("window", f"ends at {contract.end} but starts at {contract.start}: the end must come later")
    if contract.end <= utc:
        return Refusal("window", f"ended at {contract.end}: it is {utc} now")
    if contract.start > utc + policy.horizon:
        return Refusal("window", f"starts at {contract.start}: at most {policy.horizon.days} days ahead are allowed")
    if contract.end - contract.start > policy.longest:
        return Refusal("window", f"lasts {contract.duration_s:g} s: at most {policy.longest.days} days are allowed")
    if contract.duration_s <= contract.settle_s:
        return Refusal("window", f"lasts {contract.duration_s:g} s: must be longer than settle_s {contract.settle_s:g}")
    return None


def _power(contract: Contract, policy: AdmissionPolicy) -> Refusal | None:
    if -policy.export_limit_w <= contract.power_w <= policy.import_limit_w:
        return None
    allowed = f"{-policy.export_limit_w:g} to {policy.import_limit_w:g} W"
    return Refusal("out_of_range", f"power_w {contract.power_w:g}: the connection allows {allowed}")
