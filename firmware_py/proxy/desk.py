"""What becomes of a stranger's request: passed on when the line is free, answered from the cache, or refused.

| what | answer |
|---|---|
| a unit id that nobody shares | exception 10, gateway path unavailable |
| a write, and none is allowed | exception 1, illegal function |
| a write to registers that are not free to be written | exception 2, illegal data address |
| the line is busy with its owner or with others for too long | exception 6, server device busy |
| there is no line | exception 10, gateway path unavailable |
| the device says nothing, or nonsense | exception 11, gateway target device failed to respond |
| the device refuses | its own exception |

A request that a device met with silence is not passed on again for a while: each one costs everybody a time-out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.modbus.sharing import GuestsMustWait, SharedBus
from protocols.faults import BadReply, DeviceRefused, LinkDown, NoReply
from protocols.modbus import BUSY, Refusal, Reply, Request, Words, Written
from protocols.modbus_requests import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, NO_PATH, NO_RESPONSE, Asked
from protocols.ports import RegisterBus, Table
from protocols.priority import Priority, asking

# How long a guest waits for its turn: longer than a poll with a time-out in it, shorter than most clients wait.
_PATIENCE_S: Final = 2.0
_SILENT_S: Final = 10.0
# Requests remembered, whether answered or met with silence; each is a few hundred bytes.
_REMEMBERED_MOST: Final = 512


@dataclass(frozen=True, slots=True)
class Share:
    """A device that strangers may ask: its bus, its unit id there, and the registers they may write."""

    bus: SharedBus
    unit: int
    writes: tuple[range, ...] = ()


class Desk:
    """Answers requests for shared devices, by the unit id under which strangers know them."""

    def __init__(self, shares: Mapping[int, Share], now_s: Callable[[], float], *, cache_s: float = 0.0) -> None:
        self._shares, self._now_s, self._cache_s = dict(shares), now_s, cache_s
        self._kept: dict[Request, tuple[float, Reply]] = {}

    async def answer(self, asked: Asked) -> bytes:
        """The PDU of the answer; never raises a Fault."""
        share = self._shares.get(asked.unit)
        if isinstance(asked.what, Refusal):
            return asked.pdu(asked.what)
        if share is None:
            return asked.pdu(Refusal(NO_PATH))
        if not asked.what.reads and (refusal := _forbidden(asked.what, share)) is not None:
            return asked.pdu(refusal)
        return asked.pdu(await self._asked(asked.what, share))

    async def _asked(self, request: Request, share: Share) -> Reply:
        if (known := self._known(request)) is not None:
            return known
        try:
            async with share.bus.guest(_PATIENCE_S) as bus:
                if (known := self._known(request)) is not None:  # somebody else asked the same while we waited
                    return known
                with asking(Priority.GUEST):
                    return await self._passed_on(bus, request, share)
        except GuestsMustWait:
            return Refusal(BUSY)
        except DeviceRefused as fault:
            return Refusal(fault.code)
        except LinkDown:
            return Refusal(NO_PATH)
        except (NoReply, BadReply):
            return self._keep(request, Refusal(NO_RESPONSE), _SILENT_S if request.reads else 0.0)

    async def _passed_on(self, bus: RegisterBus, request: Request, share: Share) -> Reply:
        if request.reads:
            words = await bus.read(share.unit, Table(request.function), request.address, request.count)
            return self._keep(request, Words(words), self._cache_s)
        self._forget(share)
        await bus.write(share.unit, request.address, request.words)
        return Written()

    def _known(self, request: Request) -> Reply | None:
        until_s, reply = self._kept.get(request, (0.0, None))
        return reply if self._now_s() < until_s else None

    def _keep(self, request: Request, reply: Reply, for_s: float) -> Reply:
        if for_s > 0.0:
            now_s = self._now_s()
            if len(self._kept) >= _REMEMBERED_MOST:
                self._kept = {each: kept for each, kept in self._kept.items() if kept[0] > now_s}
            if len(self._kept) < _REMEMBERED_MOST:
                self._kept[request] = (now_s + for_s, reply)
        return reply

    def _forget(self, written: Share) -> None:
        """What was read of a device is not true any more once it is written to, by whatever unit id."""
        same = {
            outside
            for outside, share in self._shares.items()
            if share.bus is written.bus and share.unit == written.unit
        }
        self._kept = {each: kept for each, kept in self._kept.items() if each.unit not in same}


def _forbidden(request: Request, share: Share) -> Refusal | None:
    if not share.writes:
        return Refusal(ILLEGAL_FUNCTION)
    last = request.address + request.count - 1
    inside = any(request.address in registers and last in registers for registers in share.writes)
    return None if inside else Refusal(ILLEGAL_ADDRESS)
