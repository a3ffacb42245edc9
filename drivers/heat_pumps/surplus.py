"""A heat pump that is told a surplus which it may use, and makes of it what its own settings say."""

from drivers.register_meter import MeterType, RegisterMeter
from drivers.setpoints import Register
from drivers.valid import check_valid
from protocols.faults import NotApplied, Unsupported
from protocols.ports import RegisterBus, SgMode


class SurplusPump(RegisterMeter):
    """Implements `protocols.ports.Thermostat`: encouraged it is told `power_w`, normal none. It can not be blocked."""

    def __init__(self, bus: RegisterBus, unit: int, kind: MeterType, surplus: Register, power_w: float) -> None:
        super().__init__(bus, unit, kind)
        self._surplus, self._power_w = surplus, power_w
        if not power_w > 0:
            raise ValueError(f"a surplus of {power_w} W; allowed is more than 0")
        surplus.words(surplus.number(power_w))  # ValueError where it does not fit

    async def ask(self, mode: SgMode, valid_s: float) -> None:
        """As `protocols.ports.Thermostat`; Unsupported where it is to be blocked or ordered."""
        check_valid(valid_s)
        if mode not in (SgMode.NORMAL, SgMode.ENCOURAGED):
            raise Unsupported(f"unit {self._unit}: asked to be {mode}; it takes a surplus only")
        register = self._surplus
        number = register.number(self._power_w if mode is SgMode.ENCOURAGED else 0.0)
        await self._bus.write(self._unit, register.address, register.words(number))
        kept = await self._raw()
        if not register.agrees(number, kept):
            raise NotApplied(f"unit {self._unit}: wrote {number:g} to {register.address}, reads {kept:g}")

    async def asked(self) -> SgMode:
        """Whether it was told of a surplus."""
        return SgMode.ENCOURAGED if await self._raw() > 0 else SgMode.NORMAL

    async def _raw(self) -> float:
        register = self._surplus
        words = await self._bus.read(self._unit, register.table, register.address, register.shape.words)
        return register.raw(words)
