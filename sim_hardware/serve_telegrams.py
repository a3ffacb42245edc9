"""A simulated meter that sends telegrams, at the connection point of a simulated home of its own, on a real wire."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sim_hardware.devices import dlms, p1, sml
from sim_hardware.devices.iec62056 import Iec62056
from sim_hardware.devices.push_reading import Encode, PushMeter
from sim_hardware.faces.mode_c import ModeCFace
from sim_hardware.faces.push import PtyPush, TcpPush
from sim_hardware.faults import Faults
from sim_hardware.home import SimHome

MODE_C: Final = "iec62056-21"


@dataclass(frozen=True, slots=True)
class _Kind:
    encode: Callable[[], Encode]
    period_s: float
    baud: int


_KINDS: Final = {
    "p1": _Kind(p1.P1, p1.PERIOD_S, p1.BAUD),
    "sml": _Kind(sml.Sml, sml.PERIOD_S, sml.BAUD),
    "dlms-push": _Kind(dlms.Dlms, dlms.PERIOD_S, dlms.BAUD),
}
TELEGRAM_MODELS: Final = (*_KINDS, MODE_C)


class MeteredHome:
    """A home and the meter that counts what it takes."""

    def __init__(self, home: SimHome, encode: Encode) -> None:
        self._home = home
        self.meter = PushMeter(home.terminals["grid"], encode, lambda: datetime.now(UTC))
        self.faults = home.faults["grid"]

    def after(self, dt_s: float) -> None:
        """Let time pass."""
        self._home.after(dt_s)
        self.meter.after(dt_s)


@asynccontextmanager
async def telegram_face(model: str, at: tuple[str, int] | None, seed: int) -> AsyncIterator[tuple[str, MeteredHome]]:
    """The meter on a pty (None) or a TCP port; its url, and the home whose time must be let pass.

    ValueError where a meter of mode C is asked for on TCP: nobody could change its baud rate.
    """
    if model == MODE_C:
        device = Iec62056()
        made = MeteredHome(SimHome(seed), device)
        if at is not None:
            raise ValueError(f"{model}: only a pty has the baud rate that it changes")
        async with ModeCFace(device, made.meter, made.faults) as face:
            yield face.url, made
        return
    kind = _KINDS[model]
    made = MeteredHome(SimHome(seed), kind.encode())
    async with _face(kind, made.meter, made.faults, at) as pushing:
        yield pushing.url, made


def _face(kind: _Kind, meter: PushMeter, faults: Faults, at: tuple[str, int] | None) -> PtyPush | TcpPush:
    if at is None:
        return PtyPush(meter, faults, period_s=kind.period_s, baud=kind.baud)
    return TcpPush(meter, faults, period_s=kind.period_s, host=at[0], port=at[1])
