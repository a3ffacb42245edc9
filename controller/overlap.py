"""What contracts of a common time ask for together: energy and reprofile add up, and the sum fits the connection. Pure.

An option counts with everything that could be called. Without an energy contract the base is unknown: then a change may be at
most what leads from one limit of the connection to the other. Limits intersect and are never in the way.
"""

from collections.abc import Iterable, Iterator

import msgspec

from controller.admission import AdmissionPolicy, Refusal
from controller.book import Entry
from protocols.contracts import Contract, Dispatch, Energy, Limit, Option, Reprofile, power_of


class Sum(msgspec.Struct, frozen=True):
    """Powers at a moment: of energy contracts (and how many there are), and by how much more or less may be asked."""

    base_w: float = 0.0
    bases: int = 0
    up_w: float = 0.0
    down_w: float = 0.0

    def plus(self, other: "Sum", sign: int) -> "Sum":
        """With another one added (1) or taken away (-1)."""
        return Sum(
            self.base_w + sign * other.base_w,
            self.bases + sign * other.bases,
            self.up_w + sign * other.up_w,
            self.down_w + sign * other.down_w,
        )


def share_of(contract: Contract) -> Sum | None:
    """What a contract adds to the sum; None where it does not add up."""
    match contract:
        case Energy():
            return Sum(power_of(contract), 1)
        case Reprofile(change_w=change_w):
            return Sum(0.0, 0, change_w, change_w)
        case Option(least_w=least_w, most_w=most_w):
            return Sum(0.0, 0, max(most_w, 0.0), min(least_w, 0.0))
        case Dispatch() | Limit():
            return None


def too_much(entries: Iterable[Entry], new: Entry, policy: AdmissionPolicy) -> Refusal | None:
    """The first moment of the new contract at which all together ask for more than the connection allows."""
    if share_of(new.contract) is None:
        return None
    at_once = [each for each in entries if each.start_s < new.end_s and new.start_s < each.end_s]
    others = [each for each in at_once if each.id not in (new.id, new.replaces)]
    for at_s, total in _sums([*others, new], new):
        why = _beyond(total, policy)
        if why is not None:
            return Refusal(
                "sum", f"with the other contracts of that time ({at_s - new.start_s:.0f} s after its start) {why}"
            )
    return None


def _sums(entries: Iterable[Entry], new: Entry) -> Iterator[tuple[float, Sum]]:
    """The sum after each change inside the new contract's window, in order of time."""
    changes: list[tuple[float, int, Sum]] = []
    for each in entries:
        start_s, end_s = max(each.start_s, new.start_s), min(each.end_s, new.end_s)
        share = share_of(each.contract) if start_s < end_s else None
        if share is not None:
            changes += [(start_s, 1, share), (end_s, -1, share)]
    changes.sort(key=lambda change: (change[0], change[1]))
    total = Sum()
    for index, (at_s, sign, share) in enumerate(changes):
        total = total.plus(share, sign)
        if index + 1 == len(changes) or changes[index + 1][0] > at_s:
            yield at_s, total


def _beyond(total: Sum, policy: AdmissionPolicy) -> str | None:
    # Sums of floats that should be equal may differ in the last digit; a milliwatt is no overload.
    slack_w = 1e-3
    least_w, most_w = -policy.export_limit_w, policy.import_limit_w
    if total.bases == 0:
        least_w, most_w = least_w - most_w, most_w - least_w
    low_w, high_w = total.base_w + total.down_w, total.base_w + total.up_w
    if least_w - slack_w <= min(low_w, total.base_w) and max(high_w, total.base_w) <= most_w + slack_w:
        return None
    worst_w = high_w if max(high_w, total.base_w) > most_w + slack_w else low_w
    return f"the sum is {worst_w:g} W: the connection allows {least_w:g} to {most_w:g} W"


def in_the_way(entries: Iterable[Entry], new: Entry) -> Refusal | None:
    """Another issuer's dispatch of a common time."""
    if not isinstance(new.contract, Dispatch):
        return None
    for each in entries:
        if each.id not in (new.id, new.replaces) and are_rivals(each, new) and each.contract.iss != new.contract.iss:
            text = f"overlaps contract {each.id} of {each.contract.iss}: only its own issuer may supersede it"
            return Refusal("overlap", text)
    return None


def are_rivals(one: Entry, other: Entry) -> bool:
    """Whether both are dispatches of a common time; the window is that of the terms, not what is left of it."""
    if not isinstance(one.contract, Dispatch) or not isinstance(other.contract, Dispatch):
        return False
    return one.contract.start < other.contract.end and other.contract.start < one.contract.end
