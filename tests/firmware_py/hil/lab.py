"""A lab: a configuration as a deployment has it, an issuer of contracts, and a simulator that plays a street."""

import math
from datetime import timedelta
from pathlib import Path
from typing import Final

from firmware_py.config import load
from firmware_py.hil.frames import Frame, Inbound
from firmware_py.hil.session import START, LockStep, Plan
from protocols.contracts import Dispatch, encode_contract
from protocols.signing import public_part, sign
from tests.scenarios.keys import private_key

STEP_S: Final = 0.5
HOME: Final = """
[node]
id = "home-1"
state_dir = "state"
interval_s = 15
[mqtt]
url = "mqtt://broker.example"
[site]
meter = "meter"
import_limit_w = 17000
export_limit_w = 10000
[[issuer]]
name = "dso"
key_file = "dso.pub"
[[device]]
name = "meter"
model = "sdm630"
url = "tcp://gateway.example"
[[device]]
name = "roof"
model = "sunspec-inverter"
url = "tcp://roof.example"
[[device]]
name = "cellar"
model = "sunspec-battery"
url = "tcp://cellar.example"
[[device]]
name = "rest"
model = "sdm630"
url = "tcp://gateway.example"
unit = 2
"""


def plan(folder: Path, step_s: float = STEP_S, **options: object) -> Plan:
    """A plan of the whole home."""
    (folder / "dso.pub").write_text(public_part(private_key("dso")))
    (folder / "home.toml").write_text(HOME)
    return Plan(load(folder / "home.toml"), step_s, **options)  # type: ignore[arg-type]


def contract(power_w: float = 1500.0, start_s: float = 10.0, end_s: float = 25.0) -> Inbound:
    """A signed contract as it comes in; times are seconds of the session."""
    start, end = START + timedelta(seconds=start_s), START + timedelta(seconds=end_s)
    terms = Dispatch(
        id="dso-1",
        seq=1,
        iss="dso",
        aud="home-1",
        start=start,
        end=end,
        power_w=power_w,
        tolerance_w=150.0,
        settle_s=5.0,
    )
    return Inbound("busbar/1/home-1/contract/in", sign(encode_contract(terms), private_key("dso")).decode())


def frames(steps: int, step_s: float = STEP_S) -> list[Frame]:
    """A street that breathes, and a contract in the fourth step."""
    return [frame(number, step_s, [contract()] if number == 4 else []) for number in range(1, steps + 1)]


def frame(number: int, step_s: float = STEP_S, messages: list[Inbound] | None = None) -> Frame:
    """What the street is like in one step."""
    wave = math.sin(number / 9.0)
    values: dict[str, float | None] = {
        "grid.voltage_v": 230.0 + 3.0 * wave,
        "load.power_w": 800.0 + 400.0 * wave,
        "pv.irradiance_w_m2": 200.0,
    }
    return Frame(number, number * step_s, values, messages or [])


def played(session: LockStep, steps: int) -> list[object]:
    """The outcomes of the street."""
    return [session.step(each) for each in frames(steps, session.plan.step_s)]
