"""Phases: no phase of the connection point carries more than its fuse, nor differs from another by more than is allowed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Params:
    """`fuse_a`: what each phase may carry, either way; `unbalance_max_a`: by how much two phases may differ (None: any).

    Less is noticed after two readings of the meter; more is used once there has been room for it for `recover_s`, and
    `margin_a` beyond.
    """

    fuse_a: float
    unbalance_max_a: float | None = None
    margin_a: float = 1.0
    recover_s: float = 60.0
