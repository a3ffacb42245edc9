"""The step lock in a HELICS federation (extra `hil`): a value federate whose granted time is the step.

The federate is called as the node. It publishes `<node>/<quantity>` for each quantity that a simulated home gives, as a
double (NaN: none, such as no setpoint), at the end of each step. It has an input `<node>/<quantity>` for each one that
is taken, to which other federates may send, or which `links` subscribe to their publications; NaN gives the quantity back to
the home's own physics. The input `<node>/contract.jws` (string) takes signed contracts.

In a federation of equal periods, what another federate publishes at t(k-1) holds over the step up to t(k), and what is
published here at t(k) is seen there at t(k+1).

Source: HELICS 3.6 C API, https://docs.helics.org; the broker is its own program (`helics_broker`).
"""

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from firmware_py.hil.frames import Answer, Frame, Inbound
from firmware_py.hil.session import Plan
from protocols.faults import Unsupported
from protocols.topics import Topics
from sim_hardware.foreign import GIVES, TAKES

CONTRACT: Final = "contract.jws"
CORES: Final = ("zmq", "tcp", "inproc")


class FederationEnded(Exception):
    """The federation refused us or broke off; the message is HELICS' own."""


@dataclass(frozen=True, slots=True)
class Federation:
    """How the federate joins: the core type, where the broker is, which publications its inputs follow, and the end."""

    until_s: float
    core: str = "zmq"
    broker: str | None = None  # such as tcp://192.0.2.5:23404; None: on this machine, on the core's own port
    links: Mapping[str, str] = field(default_factory=dict)  # quantity to the publication it follows

    def __post_init__(self) -> None:
        if self.core not in CORES:
            raise ValueError(f"core {self.core!r}: allowed are {', '.join(CORES)}")
        for quantity in self.links:
            if quantity not in (*TAKES, CONTRACT):
                raise ValueError(f"link {quantity!r}: allowed are {', '.join((*TAKES, CONTRACT))}")


def helics_or_unsupported() -> Any:  # noqa: ANN401 - a module without types
    """The `helics` package; Unsupported where the extra is not installed."""
    try:
        return importlib.import_module("helics")
    except ImportError as error:
        raise Unsupported(
            f"the extra hil is not installed ({error}): python -m pip install --editable '.[hil]'"
        ) from error


class HelicsExchange:
    """Implements `drive.Exchange`: each grant of time is a frame. A context manager, which leaves the federation."""

    def __init__(self, plan: Plan, federation: Federation) -> None:
        """Join, and wait until the whole federation is there; FederationEnded where it refuses."""
        self._h = h = helics_or_unsupported()
        self._step_s, self._until_s = plan.step_s, federation.until_s
        self._contract_in = Topics(plan.loaded.home.node.id).contract_in
        self._steps = 0
        try:
            self._fed = h.helicsCreateValueFederate(plan.loaded.home.node.id, _info(h, plan, federation))
            self._gives = {name: self._published(name) for name in GIVES}
            self._takes = {name: self._input(name, h.HELICS_DATA_TYPE_DOUBLE, federation) for name in TAKES}
            self._contracts = self._input(CONTRACT, h.HELICS_DATA_TYPE_STRING, federation)
            h.helicsFederateEnterExecutingMode(self._fed)
        except h.HelicsException as error:
            raise FederationEnded(str(error)) from error

    def __enter__(self) -> Self:
        """The exchange itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the federation, so that the others can finish."""
        self._h.helicsFederateDisconnect(self._fed)

    def next(self) -> Frame | None:
        """Ask for the time of the next step; None once the end is reached."""
        h, due_s = self._h, (self._steps + 1) * self._step_s
        if due_s > self._until_s + 1e-9:
            return None
        try:
            granted_s = h.helicsFederateRequestTime(self._fed, due_s)
            values = {name: _taken(h, each) for name, each in self._takes.items() if h.helicsInputIsUpdated(each)}
            messages = self._messages()
        except h.HelicsException as error:
            raise FederationEnded(str(error)) from error
        if abs(granted_s - due_s) > 1e-6 * self._step_s:
            raise FederationEnded(f"{due_s:g} s was asked for and {granted_s:g} s granted: the federation is over")
        self._steps += 1
        return Frame(self._steps, due_s, values, messages)

    def answer(self, full: Answer) -> None:
        """Publish every quantity."""
        for name, publication in self._gives.items():
            value = full.values[name]
            self._h.helicsPublicationPublishDouble(publication, math.nan if value is None else value)

    def refuse(self, why: str) -> None:
        """HELICS has no way to refuse a value: the session ends, and says why."""
        self._h.helicsFederateGlobalError(self._fed, 1, why)
        raise FederationEnded(why)

    def _published(self, name: str) -> Any:  # noqa: ANN401
        return self._h.helicsFederateRegisterPublication(self._fed, name, self._h.HELICS_DATA_TYPE_DOUBLE, "")

    def _input(self, name: str, kind: Any, federation: Federation) -> Any:  # noqa: ANN401
        found = self._h.helicsFederateRegisterInput(self._fed, name, kind, "")
        if name in federation.links:
            self._h.helicsInputAddTarget(found, federation.links[name])
        return found

    def _messages(self) -> list[Inbound]:
        if not self._h.helicsInputIsUpdated(self._contracts):
            return []
        return [Inbound(self._contract_in, self._h.helicsInputGetString(self._contracts))]


def _info(h: Any, plan: Plan, federation: Federation) -> Any:  # noqa: ANN401
    info = h.helicsCreateFederateInfo()
    h.helicsFederateInfoSetCoreTypeFromString(info, federation.core)
    # A core of our own: joining one that another federate of this process has made can wait for ever.
    h.helicsFederateInfoSetCoreName(info, f"busbar-{plan.loaded.home.node.id}")
    broker = f" --broker={federation.broker}" if federation.broker is not None else ""
    h.helicsFederateInfoSetCoreInitString(info, f"--federates=1{broker}")
    h.helicsFederateInfoSetTimeProperty(info, h.HELICS_PROPERTY_TIME_PERIOD, plan.step_s)
    return info


def _taken(h: Any, source: Any) -> float | None:  # noqa: ANN401
    value: float = h.helicsInputGetDouble(source)
    return None if math.isnan(value) else value
