"""What may flow at the connection point in each step: the site's own limits, the schedules of operating envelopes, and what
limits now without saying for how long. Pure.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from controller.limits.allowed import Allowed, Caps
from controller.limits.envelope import View, said_at
from controller.planning.site import Floats, Horizon
from firmware_py.home.planning.hours import Now

# A contact, and often a guard, does not say how long it will limit; section 14a is used for minutes to hours. A plan is made
# anew when the limit goes.
LASTS_S: Final = 3600.0


def bounds(
    horizon: Horizon, now: Now, site: tuple[float, float], held: Sequence[Allowed], envelopes: Iterable[View]
) -> tuple[Floats, Floats]:
    """The most import and export of each step (W, magnitudes). `site`: what it allows itself; `held`: limits without a schedule."""
    import_w, export_w = np.full(horizon.steps, site[0]), np.full(horizon.steps, site[1])
    begun_s = (now.utc - horizon.start).total_seconds()
    for allowed in held:
        lasts_s = LASTS_S if allowed.until_s is None else max(allowed.until_s - now.now_s, 0.0)
        until = int(-(-(begun_s + lasts_s) // horizon.step_s))
        _cut(import_w, export_w, slice(0, until), allowed.caps)
    for view in envelopes:
        scheduled = View(view.envelopes, view.default)  # the link is back by then, or the contract says what holds
        for step in range(horizon.steps):
            _cut(import_w, export_w, slice(step, step + 1), _strictest(scheduled, horizon, now, step))
    return import_w, export_w


def _strictest(view: View, horizon: Horizon, now: Now, step: int) -> Caps:
    begin_s = now.s_at(horizon.moment(step))
    end_s = begin_s + horizon.step_s
    caps = said_at(view, begin_s)
    for each in view.envelopes:
        for at_s in (each.start_s, each.end_s, *(turn.at_s for turn in each.turns)):
            if begin_s < at_s < end_s:
                caps = caps.stricter(said_at(view, at_s))
    return caps


def _cut(import_w: Floats, export_w: Floats, steps: slice, caps: Caps) -> None:
    if caps.import_w is not None:
        import_w[steps] = np.minimum(import_w[steps], caps.import_w)
    if caps.export_w is not None:
        export_w[steps] = np.minimum(export_w[steps], caps.export_w)
