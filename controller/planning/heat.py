"""Heat in equal steps: the models of houses and tanks, exact for powers that are constant over a step."""

from dataclasses import dataclass

import numpy as np

from controller.planning.site import Floats, Horizon, House, Tank
from controller.thermal import exact_step

J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """`states[t + 1] = keeps @ states[t] + by_kw * heat_kw[t] + given[t]`; `kwh_per_k` is what each mass holds."""

    begins_c: Floats
    keeps: Floats
    by_kw: Floats
    given: Floats
    kwh_per_k: Floats

    def play(self, heat_kw: Floats) -> Floats:
        """The temperatures at the n + 1 edges, one row for each mass, for the heat in each step."""
        edges_c = np.empty((self.begins_c.size, heat_kw.size + 1))
        edges_c[:, 0] = self.begins_c
        for step, heat in enumerate(heat_kw):
            edges_c[:, step + 1] = self.keeps @ edges_c[:, step] + self.by_kw * heat + self.given[step]
        return edges_c


def of_house(house: House, horizon: Horizon, outdoor_c: Floats) -> Steps:
    """Air and mass; what is given is outdoors, people and sun."""
    model = house.model
    exact = exact_step.of_house(model, horizon.step_s)
    keeps, does = exact.keep, exact.by
    given = np.outer(outdoor_c, does[:, 0]) + np.outer(house.heat_w + model.gain_w, does[:, 1])
    begins_c, held = (
        np.array([house.air_c, house.mass_c]),
        np.array([model.air_j_per_k, model.mass_j_per_k]) / J_PER_KWH,
    )
    return Steps(begins_c, keeps, 1000.0 * does[:, 1], given, held)


def of_tank(tank: Tank, horizon: Horizon) -> Steps:
    """One mass; what is given is the room, less what is drawn."""
    model = tank.model
    exact = exact_step.of_tank(model, horizon.step_s)
    keeps, does = exact.keep, exact.by
    given = (does[0, 0] * model.room_c - does[0, 1] * tank.draw_w)[:, None]
    return Steps(
        np.array([tank.water_c]), keeps, 1000.0 * does[:, 1], given, np.array([model.heat_j_per_k / J_PER_KWH])
    )


def steps_of(store: House | Tank, horizon: Horizon, outdoor_c: Floats) -> Steps:
    """Either."""
    return of_house(store, horizon, outdoor_c) if isinstance(store, House) else of_tank(store, horizon)


def bounds_at_edges(least_c: Floats, most_c: Floats) -> tuple[Floats, Floats]:
    """Bounds at the end of each step: those of the step and of the next, for a bound holds when its step begins.

    Where the two exclude each other, those of the step that ends.
    """
    least = np.maximum(least_c, np.append(least_c[1:], least_c[-1]))
    most = np.minimum(most_c, np.append(most_c[1:], most_c[-1]))
    apart = least > most
    return np.where(apart, least_c, least), np.where(apart, most_c, most)
