"""Stored curves and controls of the SunSpec models 705 to 712: written, adopted, reverted.

Sets:    the first shows the current settings; a client writes the second and asks for it by AdptCrvReq (711: AdptCtlReq).
         The third is the factory's, which is also what a reversion falls back to unless told otherwise.
Result:  IN_PROGRESS until the device's next step, then COMPLETED, or FAILED where the set makes no sense; the current
         settings stay as they were. A number without a set is refused at once. 711 and 712 take 0 for "none active".
Timer:   as every reversion here (sunspec_controls.py), started by a write of Ena, of the request or of RvrtTms.
"""

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

from sim_hardware.devices.sunspec import Allowed, Block, Model
from sim_hardware.devices.sunspec_controls import ReversionTimer
from sim_hardware.devices.sunspec_der_models import ACTIVE, FACTORY, FREE, POINTS, SETS
from sim_hardware.physics.der.settings import Ratings

IN_PROGRESS, COMPLETED, FAILED = 0, 1, 2
RW, R = 0, 1
ON_OFF: Final = frozenset({0, 1})
SECONDS: Final = (0.0, 4_294_967_294.0)
MAY_BE_NONE: Final = (711, 712)

T = TypeVar("T")
Read = Callable[[str], float]  # a point of one set, in its unit
Parse = Callable[[Read, bool, Ratings], T]  # ValueError where the set makes no sense


class StoredSets(Generic[T]):
    """One function with its stored sets: `current` is what it is set to do."""

    def __init__(
        self,
        model: Model,
        scales: Mapping[str, int],
        set_allowed: Mapping[str, Allowed],
        factory: Mapping[str, float],
        parse: Parse[T],
    ) -> None:
        self._parse = parse
        self._word = "Ctl" if "AdptCtlReq" in model.by_name else "Crv"
        self._request, self._result = f"Adpt{self._word}Req", f"Adpt{self._word}Rslt"
        self.block = Block(model, scales, self._allowed(model, set_allowed))
        self._timer = self._reversion()
        self._is_pending = False
        self._fill(factory)
        self.block.refresh, self.block.written = self.show, self._written
        self.tell: Callable[[], None] = lambda: None  # after each write

    def _allowed(self, model: Model, set_allowed: Mapping[str, Allowed]) -> dict[str, Allowed]:
        numbers = (0.0 if model.id in MAY_BE_NONE else 1.0, float(SETS))
        head: dict[str, Allowed] = {"Ena": ON_OFF, self._request: numbers}
        if "RvrtTms" in model.by_name:
            head |= {"RvrtTms": SECONDS, f"Rvrt{self._word}": numbers}
        return head | {f"{self._word}{FREE}.{name}": allowed for name, allowed in set_allowed.items()}

    def _reversion(self) -> ReversionTimer | None:
        if "RvrtTms" not in self.block.model.by_name:
            return None
        # The function stays enabled, on another set: its enable flag falls back to itself.
        return ReversionTimer(self.block, "Ena", "RvrtTms", {self._request: f"Rvrt{self._word}"}, "Ena", "RvrtRem")

    def _fill(self, factory: Mapping[str, float]) -> None:
        names, put = self.block.model.by_name, self.block.put
        counts = {"NPt": POINTS.get(self.block.model.id, 0), "NCrv": SETS, "NCrvSet": SETS, "NCtl": SETS}
        put(**{name: value for name, value in counts.items() if name in names})
        put(**{"Ena": 0, self._request: FACTORY, self._result: COMPLETED})
        if self._timer:
            put(**{"RvrtTms": 0, "RvrtRem": 0, f"Rvrt{self._word}": FACTORY})
        for number in range(1, SETS + 1):
            prefix = f"{self._word}{number}."
            put(**{prefix + name: value for name, value in factory.items()})
            put(**{prefix + "ReadOnly": RW if number == FREE else R})

    def current(self, ratings: Ratings) -> T:
        """What the function is set to do."""
        is_on = self.block.get("Ena") != 0 and self.block.get(self._request) != 0
        return self._parse(self._read(ACTIVE), is_on, ratings)

    def _read(self, number: int) -> Read:
        return lambda name: self.block.get(f"{self._word}{number}.{name}")

    def _written(self, names: frozenset[str]) -> None:
        if self._timer:
            self._timer.touched(names)
        if self._request in names:
            self._ask()
        self.tell()

    def _ask(self) -> None:
        self._is_pending = True
        self.block.put(**{self._result: IN_PROGRESS})

    def after(self, dt_s: float, ratings: Ratings) -> bool:
        """Let the reversion run and adopt what was asked for; whether anything changed."""
        if self._timer and self._timer.after(dt_s):
            self._ask()
        if not self._is_pending:
            return False
        self._is_pending = False
        self.block.put(**{self._result: self._adopt(int(self.block.get(self._request)), ratings)})
        return True

    def _adopt(self, number: int, ratings: Ratings) -> int:
        if number == 0:
            return COMPLETED
        try:
            self._parse(self._read(number), True, ratings)
        except ValueError:
            return FAILED
        offsets, length = self.block.model.offsets, self._set_length()
        start, target = (offsets[self._first(each)] for each in (number, ACTIVE))
        read_only = self.block.get(f"{self._word}{ACTIVE}.ReadOnly")
        self.block.words[target : target + length] = self.block.words[start : start + length]
        self.block.put(**{f"{self._word}{ACTIVE}.ReadOnly": read_only})
        return COMPLETED

    def _first(self, number: int) -> str:
        return next(name for name in self.block.model.by_name if name.startswith(f"{self._word}{number}."))

    def _set_length(self) -> int:
        return self.block.model.offsets[self._first(FREE)] - self.block.model.offsets[self._first(ACTIVE)]

    def show(self) -> None:
        """Bring the remaining seconds up to date."""
        if self._timer:
            self._timer.show()
