"""Admission: whether an authentic contract may enter the book. Pure; every refusal has a short stable reason."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from protocols.actions import Action
from protocols.contracts import Contract, Dispatch, Energy, Limit, Option, Reprofile, power_of, product_of


@dataclass(frozen=True, slots=True)
class ZonePolicy:
    """Who approves contracts (empty: nobody has to), of which products, and how long that may take."""

    approver: str = ""
    products: frozenset[str] = frozenset({"energy", "reprofile", "option"})
    within_s: float = 900.0

    def approves(self, contract: Contract) -> bool:
        """Whether this contract waits for the zone."""
        return bool(self.approver) and product_of(contract) in self.products


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """What this node accepts: its name, the connection's limits (magnitudes, W), and how far and long it plans.

    `household`: who accepts proposals of issuers that are asked (empty: nobody can).
    """

    node: str
    import_limit_w: float
    export_limit_w: float
    # A month ahead and a week long: beyond that a typing error is likelier than a trade.
    horizon: timedelta = timedelta(days=31)
    longest: timedelta = timedelta(days=7)
    zone: ZonePolicy = field(default_factory=ZonePolicy)
    household: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a stable short word and a sentence with the value and what was allowed."""

    reason: str
    why: str


def judge(contract: Contract, policy: AdmissionPolicy, utc: datetime) -> Refusal | None:
    """The first reason against the terms by themselves; None where there is none."""
    return _window(contract, policy, utc) or _power(contract, policy)


def addressed(message: Contract | Action, issuer: str, policy: AdmissionPolicy) -> Refusal | None:
    """Whether a message is its signer's own and meant for this node."""
    if message.iss != issuer:
        return Refusal(
            "issuer", f"signed with a key of {issuer!r} but issued by {message.iss!r}: they must be the same"
        )
    if message.aud != policy.node:
        return Refusal("audience", f"meant for {message.aud!r}: this node is {policy.node!r}")
    return None


def _window(contract: Contract, policy: AdmissionPolicy, utc: datetime) -> Refusal | None:
    if contract.end <= contract.start:
        return Refusal("window", f"ends at {contract.end} but starts at {contract.start}: the end must come later")
    if contract.end <= utc:
        return Refusal("window", f"ended at {contract.end}: it is {utc} now")
    if contract.start > utc + policy.horizon:
        return Refusal("window", f"starts at {contract.start}: at most {policy.horizon.days} days ahead are allowed")
    if contract.end - contract.start > policy.longest:
        return Refusal("window", f"lasts {contract.duration_s:g} s: at most {policy.longest.days} days are allowed")
    return _pieces(contract)


def _pieces(contract: Contract) -> Refusal | None:
    """Whether the window holds what stands in it: time to settle, whole intervals, the steps of a limit in their order."""
    match contract:
        case Dispatch() if contract.duration_s <= contract.random_start_s + contract.settle_s:
            needs = f"random_start_s {contract.random_start_s:g} and settle_s {contract.settle_s:g}"
            text = f"lasts {contract.duration_s:g} s: must be longer than {needs}"
        case Energy() | Reprofile() | Option() if contract.duration_s % contract.interval_s:
            text = f"lasts {contract.duration_s:g} s: must be whole intervals of {contract.interval_s} s"
        case Reprofile() | Option() if contract.baseline_w is not None and len(contract.baseline_w) != (
            contract.duration_s // contract.interval_s
        ):
            text = f"baseline_w has {len(contract.baseline_w)} powers: one for each {contract.interval_s} s is needed"
        case Limit() if any(one.at >= next_.at for one, next_ in pairwise(contract.schedule)):
            text = "schedule is not in order of time: each step must come after the one before"
        case _:
            return None
    return Refusal("window", text)


def _power(contract: Contract, policy: AdmissionPolicy) -> Refusal | None:
    """What a product asks for by itself; what several ask for together stands in `controller.overlap`."""
    least_w, most_w = -policy.export_limit_w, policy.import_limit_w
    span_w = most_w - least_w
    match contract:
        case Dispatch():
            return _within("power_w", contract.power_w, least_w, most_w)
        case Energy():
            return _within(f"energy_wh {contract.energy_wh:g} is a power of", power_of(contract), least_w, most_w)
        case Reprofile():
            return _within("change_w", contract.change_w, -span_w, span_w)
        case Option():
            if contract.least_w > contract.most_w:
                text = f"least_w {contract.least_w:g} is above most_w {contract.most_w:g}: at most that is allowed"
                return Refusal("out_of_range", text)
            return _within("least_w", contract.least_w, -span_w, span_w) or _within(
                "most_w", contract.most_w, -span_w, span_w
            )
        case Limit():
            return None


def _within(what: str, power_w: float, least_w: float, most_w: float) -> Refusal | None:
    if least_w <= power_w <= most_w:
        return None
    return Refusal("out_of_range", f"{what} {power_w:g}: the connection allows {least_w:g} to {most_w:g} W")
