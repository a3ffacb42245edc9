"""A real HELICS broker and a second federate that plays the grid: its voltage goes in, the home's power comes out."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware_py.hil.drive import drive
from firmware_py.hil.helics_federate import CONTRACT, Federation, FederationEnded, HelicsExchange
from firmware_py.hil.pace import Pace
from firmware_py.hil.session import LockStep
from firmware_py.hil.tape import Recorder, replay
from tests.firmware_py.hil.lab import contract, plan

helics = pytest.importorskip("helics", reason="the extra hil is not installed")
pytestmark = pytest.mark.system

STEPS, STEP_S = 40, 0.5


def info(core: str) -> Any:  # noqa: ANN401 - helics has no types
    made = helics.helicsCreateFederateInfo()
    helics.helicsFederateInfoSetCoreTypeFromString(made, core)
    helics.helicsFederateInfoSetCoreName(made, "street-core")
    helics.helicsFederateInfoSetCoreInitString(made, "--federates=1")
    helics.helicsFederateInfoSetTimeProperty(made, helics.HELICS_PROPERTY_TIME_PERIOD, STEP_S)
    return made


@contextmanager
def broker(core: str) -> Iterator[None]:
    """A broker in this process, for two federates."""
    made = helics.helicsCreateBroker(core, f"busbar-{core}", "--federates=2 --loglevel=error")
    try:
        yield
    finally:
        helics.helicsBrokerDisconnect(made)
        helics.helicsBrokerFree(made)
        helics.helicsCloseLibrary()


class Street(threading.Thread):
    """The other federate: it holds a voltage that tells the step, and notes what the home draws."""

    def __init__(self, core: str) -> None:
        super().__init__()
        self.seen: list[tuple[float, float]] = []
        self.setpoints: list[float] = []
        self.broken = ""
        self._fed = helics.helicsCreateValueFederate("street", info(core))
        register = helics.helicsFederateRegisterPublication
        self._volts = register(self._fed, "bus7/voltage_v", helics.HELICS_DATA_TYPE_DOUBLE, "")
        self._terms = register(self._fed, "dso/contract", helics.HELICS_DATA_TYPE_STRING, "")
        self._watts = helics.helicsFederateRegisterSubscription(self._fed, "home-1/grid.power_w", "")
        self._setpoint = helics.helicsFederateRegisterSubscription(self._fed, "home-1/battery.setpoint_w", "")

    def run(self) -> None:
        try:
            self._run()
        except helics.HelicsException as error:
            self.broken = str(error)

    def _run(self) -> None:
        helics.helicsFederateEnterExecutingMode(self._fed)
        for step in range(1, STEPS + 1):
            helics.helicsPublicationPublishDouble(self._volts, 220.0 + step / 4)
            if step == 4:
                helics.helicsPublicationPublishString(self._terms, contract(end_s=60.0).payload)
            now_s = helics.helicsFederateRequestTime(self._fed, step * STEP_S)
            if helics.helicsInputIsUpdated(self._watts):
                self.seen.append((now_s, helics.helicsInputGetDouble(self._watts)))
                self.setpoints.append(helics.helicsInputGetDouble(self._setpoint))
        helics.helicsFederateDisconnect(self._fed)


@pytest.mark.parametrize("core", ["inproc", "zmq"])
def test_grid_and_home_in_one_federation(core: str, tmp_path: Path) -> None:
    planned, pace, tape = plan(tmp_path, STEP_S), Pace(STEP_S, STEP_S), tmp_path / "tape"
    links = {"grid.voltage_v": "street/bus7/voltage_v", CONTRACT: "street/dso/contract"}
    volts, watts = [], []
    with broker(core):
        street = Street(core)
        street.start()
        with (
            HelicsExchange(planned, Federation(STEPS * STEP_S, core, None, links)) as exchange,
            Recorder(tape, planned) as recorder,
        ):
            told = exchange.answer

            def answer(full: Any) -> None:  # noqa: ANN401
                volts.append(full.values["grid.voltage_l1_v"])
                watts.append(full.values["grid.power_w"])
                told(full)

            exchange.answer = answer  # type: ignore[method-assign]
            drive(LockStep(planned), exchange, pace, recorder)
        street.join()
    assert volts == [220.0 + step / 4 for step in range(1, STEPS + 1)]  # each step on the voltage published before it
    # What was given at the end of step k is seen in step k + 1, bit for bit.
    assert [power_w for _, power_w in street.seen] == watts[: len(street.seen)]
    assert [now_s for now_s, _ in street.seen] == [step * STEP_S for step in range(2, STEPS + 1)]
    assert math.isnan(street.setpoints[0])  # nothing was told before the first cycle
    assert watts[-1] == pytest.approx(1500.0, abs=150.0)  # the contract came in as a string
    assert pace.took.count == STEPS
    played = replay(tape)
    assert (played.steps, played.difference) == (STEPS, None)


def test_a_value_out_of_bounds_ends_the_federation_with_its_reason(tmp_path: Path) -> None:
    planned = plan(tmp_path, STEP_S)
    links = {"load.power_w": "street/bus7/voltage_v", "battery.soc_percent": "street/bus7/voltage_v"}
    with broker("inproc"):
        street = Street("inproc")
        street.start()
        with (
            HelicsExchange(planned, Federation(STEPS * STEP_S, "inproc", None, links)) as exchange,
            pytest.raises(FederationEnded, match=r"battery.soc_percent = 220\.25: 0 to 100 is allowed"),
        ):
            drive(LockStep(planned), exchange, Pace(STEP_S, STEP_S))
        street.join()
        assert "soc_percent" in street.broken  # the others are told why


@pytest.mark.parametrize(
    ("options", "said"),
    [({"core": "mpi"}, "core 'mpi': allowed are zmq"), ({"links": {"grid.volts": "x"}}, "link 'grid.volts': allowed")],
)
def test_a_federation_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Federation(1.0, **options)
