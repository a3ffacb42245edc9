"""How long a setpoint holds."""

import math


def check_valid(valid_s: float) -> None:
    """ValueError where a lease has no length."""
    if not (math.isfinite(valid_s) and valid_s > 0):
        raise ValueError(f"a lease of {valid_s} s; allowed is more than 0")
