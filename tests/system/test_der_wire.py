"""pysunspec2 as foreign client of the simulated 7xx inverter over real TCP: reads every model, writes a curve."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sim_hardware.home import SimHome
from sim_hardware.serve import Rig, serve
from sim_hardware.serve_device import serve_device
from tests.system.test_sim_wire import foreign

pytestmark = pytest.mark.system

MODELS = [1, *range(701, 713)]
STEEP = ((96.0, 40.0), (98.0, 0.0), (99.0, 0.0), (100.5, -40.0))  # per cent of voltage, of apparent power


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """A sunny home at about 234 V."""
    home = SimHome(20, inverter="7xx")
    home.sun.hold_w_m2 = 700.0
    home.load.hold_w = (0.0, 0.0, 0.0)
    home.after(30.0)
    async with serve(home) as served:
        yield served


def values(group: Any) -> dict[str, Any]:  # noqa: ANN401 - pysunspec2 has no types
    """Every point of a group in its unit, groups inside groups."""
    found = {name: point.cvalue for name, point in group.points.items()}
    for name, inner in group.groups.items():
        found[name] = [values(each) for each in inner] if isinstance(inner, list) else values(inner)
    return found


def read_all(url: str) -> dict[int, dict[str, Any]]:
    with foreign(url) as client:
        models = {number: client.models[number][0] for number in client.models if isinstance(number, int)}
        for model in models.values():
            model.read()
            assert not model.error_info
        return {number: values(model) for number, model in models.items()}


async def test_pysunspec2_reads_every_model() -> None:
    async with rig() as served:
        found = await asyncio.to_thread(read_all, served.urls["pv"])
        plant, terminal = served.home.plant, served.home.terminals["pv"]
        assert found[701]["W"] == pytest.approx(-plant.power_w, abs=5)
        assert found[701]["LNV"] == pytest.approx(sum(terminal.voltage_v) / 3, abs=0.5)
    assert list(found) == MODELS
    assert (found[1]["Mn"], found[1]["SN"]) == ("Busbar", "PV-0020")
    assert (found[702]["WMaxRtg"], found[702]["VarMaxInj"], found[702]["AbnOpCatRtg"]) == (5000, 2200, 2)
    assert (found[703]["ES"], found[703]["ESVLo"], found[703]["ESHzHi"], found[703]["ESDlyTms"]) == (1, 91.7, 50.1, 300)
    assert (found[704]["PFWInj"], found[704]["VarSetMod"], found[704]["WSetEna"]) == ({"PF": 1.0, "Ext": 0}, 4, None)
    curves = found[705]["Crv"]
    assert [[(p["V"], p["Var"]) for p in curve["Pt"]] for curve in curves] == [
        [(92, 44), (98, 0), (102, 0), (108, -44)]
    ] * 3
    assert [curve["ReadOnly"] for curve in curves] == [1, 0, 1]
    assert [(p["V"], p["W"]) for p in found[706]["Crv"][0]["Pt"][:2]] == [(106, 100), (110, 0)]
    trips = [found[model]["Crv"][0]["MustTrip"] for model in (707, 708, 709, 710)]
    assert [[tuple(p.values()) for p in trip["Pt"][: trip["ActPt"]]] for trip in trips] == [
        [(50, 2), (88, 21)],
        [(110, 13), (120, 0.16)],
        [(46.5, 0.16), (48.5, 300)],
        [(51.2, 300), (52, 0.16)],
    ]
    assert found[707]["Crv"][0]["MomCess"]["Pt"][0] == {"V": 50, "Tms": 0}
    assert found[707]["Crv"][0]["MayTrip"]["ActPt"] is None
    droop = {"DbOf": 0.036, "DbUf": 0.036, "KOf": 0.05, "KUf": 0.05, "RspTms": 5, "PMin": 0, "ReadOnly": 1}
    assert found[711]["Ctl"][0] == droop
    assert [(p["W"], p["Var"]) for p in found[712]["Crv"][0]["Pt"][:3]] == [(20, 0), (50, 0), (100, -44)]


def steepen(url: str) -> tuple[list[int], list[float]]:
    """Write a curve, adopt it, enable volt-var; the results of the adoption and the reactive power, as they come."""
    results, vars_seen = [], []
    with foreign(url) as client:
        function, monitor = client.models[705][0], client.models[701][0]
        curve = function.groups["Crv"][1]
        for point, (volts, var) in zip(curve.groups["Pt"], STEEP, strict=True):
            point.points["V"].cvalue, point.points["Var"].cvalue = volts, var
        curve.points["RspTms"].cvalue = 1.0
        curve.write()
        function.points["Ena"].cvalue, function.points["AdptCrvReq"].cvalue = 1, 2
        function.write()
        end_s = time.monotonic() + 8.0  # a change of function goes at 1 pu in 15 s
        while time.monotonic() < end_s:
            function.read()
            monitor.read()
            results.append(function.points["AdptCrvRslt"].cvalue)
            vars_seen.append(monitor.points["Var"].cvalue)
            time.sleep(0.3)
    return results, vars_seen


async def test_pysunspec2_writes_a_volt_var_curve_that_takes_effect() -> None:
    async with rig() as served:
        home = served.home
        before_v = sum(home.terminals["pv"].voltage_v) / 3
        results, seen = await asyncio.to_thread(steepen, served.urls["pv"])
        after_v = sum(home.terminals["pv"].voltage_v) / 3
    assert results[-1] == 1
    assert after_v / 230.0 > 1.005
    assert seen[-1] == pytest.approx(-0.4 * 5000, abs=5)
    assert seen[0] > seen[-1]
    assert after_v < before_v


def backwards(url: str) -> int:
    with foreign(url) as client:
        function = client.models[705][0]
        curve = function.groups["Crv"][1]
        curve.groups["Pt"][0].points["V"].cvalue = 107.0
        curve.write()
        function.points["AdptCrvReq"].cvalue = 2
        function.write()
        time.sleep(0.6)
        function.read()
        return int(function.points["AdptCrvRslt"].cvalue)


async def test_pysunspec2_sees_a_curve_fail() -> None:
    async with serve_device("sunspec-der", "tcp://127.0.0.1:0") as url:
        assert await asyncio.to_thread(backwards, url) == 2
