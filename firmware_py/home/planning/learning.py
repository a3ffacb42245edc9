"""Nightly learning: models of rooms and tanks from the home's own history, kept on disk; a refused fit is said with its reason.

The last good model stays in force until a better one is found. A model that the owner has written down is not learnt.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Final

import msgspec
import numpy as np

from controller.forecasting.series import QUARTER_S
from controller.planning.site import Floats, Horizon
from controller.thermal import fit_house, fit_tank
from controller.thermal.models import HouseModel, TankModel
from controller.thermal.outcome import Fitted, Unfit
from controller.thermal.state import MassObserver
from firmware_py.home.history import OUTDOOR, Closed, History
from firmware_py.home.planning.hours import at_local
from firmware_py.home.planning.settings import HomeSet, RoomSet, TankSet
from protocols.faults import StoreFailed
from protocols.ports import Clock, Journal

# People sleep, and yesterday is whole.
AT: Final = time(3, 20)
# Older days are of another season, and a fit of three weeks takes seconds.
DAYS: Final = 21
_PREFIX: Final = "model/"
_log = logging.getLogger("busbar.learning")
Model = HouseModel | TankModel
Say = Callable[[str, str, str], None]


def warmth(name: str) -> str:
    """The series of a store's temperature."""
    return f"{name}.temperature_c"


def heat(name: str) -> str:
    """The series of the heat that its machines bring, less what they take out."""
    return f"{name}.heat_w"


class Learner:
    """`models` and `draws` are the last good ones by store; `run` looks each night."""

    def __init__(self, home: HomeSet, history: History, clock: Clock, journal: Journal, say: Say) -> None:
        self.models: dict[str, Model] = {}
        self.draws: dict[str, fit_tank.Draws] = {}
        self._home, self._history, self._clock, self._journal, self._say = home, history, clock, journal, say
        self._observers: dict[str, MassObserver] = {}

    @property
    def mass_c(self) -> dict[str, float]:
        """How warm the masses of each room are believed to be."""
        return {name: each.mass_c for name, each in self._observers.items()}

    async def recall(self) -> None:
        """The models of an earlier life."""
        rooms, tanks = ({each.name for each in kind} for kind in (self._home.rooms, self._home.tanks))
        for key, body in (await self._journal.kept_under(_PREFIX)).items():
            name = key.removeprefix(_PREFIX)
            try:
                if name in rooms:
                    self.models[name] = msgspec.json.decode(body, type=HouseModel)
                elif name in tanks:
                    self.models[name] = msgspec.json.decode(body, type=TankModel)
            except msgspec.DecodeError as error:
                _log.warning("the model of %s is not to be read and is learnt anew: %s", name, error)

    async def run(self) -> None:
        """Learn each night until cancelled."""
        while True:
            utc = self._clock.utc()
            await asyncio.sleep((self._next(utc) - utc).total_seconds())
            await self.learn()

    def _next(self, utc: datetime) -> datetime:
        night = at_local(utc.astimezone(self._home.zone), AT, self._home.zone)
        if night > utc:
            return night
        return at_local(utc.astimezone(self._home.zone) + timedelta(days=1), AT, self._home.zone)

    async def learn(self) -> None:
        """Fit every store whose model is not written down."""
        for room in self._home.rooms:
            if room.model is None:
                record = self._house(room)
                present = self.models.get(room.name)
                known = present if isinstance(present, HouseModel) else None
                await self._take(room.name, await asyncio.to_thread(fit_house.fit, record, known))
        for tank in self._home.tanks:
            await self._learn_tank(tank)

    async def _learn_tank(self, tank: TankSet) -> None:
        record, began = self._tank(tank)
        present = self.models.get(tank.name)
        known = present if isinstance(present, TankModel) else None
        await self._take(tank.name, await asyncio.to_thread(fit_tank.fit, record, known))
        model = self.models.get(tank.name)
        if not isinstance(model, TankModel) or tank.draw_wh_per_day is not None:
            return
        local = began.astimezone(self._home.zone)
        first_s = local.hour * 3600.0 + local.minute * 60.0
        found = await asyncio.to_thread(_drawn, record, model, first_s)
        if isinstance(found, fit_tank.Draws):
            self.draws[tank.name] = found

    async def _take(self, name: str, found: Fitted[HouseModel] | Fitted[TankModel] | Unfit) -> None:
        if isinstance(found, Unfit):
            self._say(f"model of {name}", "refused", f"{found.text} [{found.reason}]")
            return
        self.models[name] = found.model
        self._observers.pop(name, None)
        spread = ", ".join(
            f"{each} {getattr(found.model, each):.3g} ± {error:.2g}" for each, error in found.errors.items()
        )
        self._say(f"model of {name}", "learnt", f"{spread}; {found.rmse_k:.2f} K off over {found.days:.0f} days")
        try:
            await self._journal.keep(f"{_PREFIX}{name}", msgspec.json.encode(found.model))
        except StoreFailed as fault:
            _log.error("the model of %s is not kept: %s", name, fault)

    def _house(self, room: RoomSet) -> fit_house.HouseRecord:
        _, (room_c, outdoor_c, heat_w) = self._series(warmth(room.name), OUTDOOR, heat(room.name))
        return fit_house.HouseRecord(QUARTER_S, room_c, outdoor_c, heat_w)

    def _tank(self, tank: TankSet) -> tuple[fit_tank.TankRecord, datetime]:
        began, (water_c, heat_w) = self._series(warmth(tank.name), heat(tank.name))
        return fit_tank.TankRecord(QUARTER_S, water_c, heat_w, tank.room_c), began

    def _series(self, *names: str) -> tuple[datetime, list[Floats]]:
        """Series side by side, as far back as the first of them goes and no further than is looked at."""
        all_ = [self._history.series(name) for name in names]
        utc = self._clock.utc()
        end = max((each.end for each in all_ if len(each.values)), default=utc)
        start = max(all_[0].start, end - timedelta(days=DAYS)) if len(all_[0].values) else end
        steps = max(round((end - start).total_seconds() / QUARTER_S), 0)
        return start, [each.on(Horizon(start, QUARTER_S, steps)) for each in all_]

    # Masses

    def closed(self, quarter: Closed) -> None:
        """Let the masses follow what was measured in a quarter-hour."""
        for room in self._home.rooms:
            model = self.models.get(room.name) or room.model
            air_c, outdoor_c = quarter.means.get(warmth(room.name)), quarter.means.get(OUTDOOR)
            heat_w = quarter.means.get(heat(room.name))
            if not isinstance(model, HouseModel) or outdoor_c is None or heat_w is None:
                continue
            observer = self._observers.get(room.name)
            if observer is not None and observer.model == model:
                self._observers[room.name] = observer.after(QUARTER_S, outdoor_c, heat_w, air_c)
            elif air_c is not None:
                self._observers[room.name] = MassObserver.begin(model, air_c)

    def drawn_w(self, tank: str, horizon: Horizon) -> Floats | None:
        """What people will take out of a tank, by the local time of day; None where it is not learnt."""
        draws = self.draws.get(tank)
        if draws is None:
            return None
        local = [horizon.moment(step).astimezone(self._home.zone) for step in range(horizon.steps)]
        places = [int((each.hour * 3600 + each.minute * 60) // draws.step_s) for each in local]
        return np.maximum(draws.mean_w[places], 0.0)


def _drawn(record: fit_tank.TankRecord, model: TankModel, first_s: float) -> "fit_tank.Draws | Unfit":
    return fit_tank.draws(fit_tank.drawn_w(record, model), record.step_s, first_s)
