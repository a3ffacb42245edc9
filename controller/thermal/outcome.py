"""What learning comes to: a model with its uncertainty, or the reason why there is none. A bad fit is never handed on."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

M = TypeVar("M")


class Reason(StrEnum):
    """Why a fit was refused; stable words."""

    TOO_SHORT = "too_short"  # not enough recorded steps
    TOO_STILL = "too_still"  # nothing happened that a parameter could be read from
    NO_MINIMUM = "no_minimum"  # the search did not end
    UNPHYSICAL = "unphysical"  # a parameter outside what buildings and tanks have
    RESIDUAL = "residual"  # the model does not describe what was recorded
    UNCERTAIN = "uncertain"  # a parameter could as well be another
    NOT_BETTER = "not_better"  # on data it had not seen, it predicts no better than the present model


@dataclass(frozen=True, slots=True)
class Fitted(Generic[M]):
    """`errors`: standard error of each parameter by name, in its unit. `rmse_k`: of a prediction over days that were held
    out of the fit. `days`: recorded days that were used.
    """

    model: M
    errors: Mapping[str, float]
    rmse_k: float
    days: float


@dataclass(frozen=True, slots=True)
class Unfit:
    """No model; `text` names the thing, the value and what was allowed."""

    reason: Reason
    text: str
