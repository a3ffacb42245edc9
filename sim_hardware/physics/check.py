"""Refuse what physics cannot mean: each message names the thing, the value it had and what is allowed."""

import math


def finite(name: str, value: float) -> float:
    """The value, where it is a finite number."""
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; it must be a finite number")
    return value


def above(name: str, value: float, least: float = 0.0) -> float:
    """The value, where it is finite and more than `least`."""
    if not finite(name, value) > least:
        raise ValueError(f"{name} is {value:g}; it must be more than {least:g}")
    return value


def within(name: str, value: float, least: float, most: float = math.inf) -> float:
    """The value, where it is finite and in [least, most]."""
    if not least <= finite(name, value) <= most:
        allowed = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
        raise ValueError(f"{name} is {value:g}; it must be {allowed}")
    return value
