"""What a kWh costs at the connection point in each step: fixed prices, bands of local time, prices received.

Everything is worked out on cells of five minutes of UTC, then averaged over the steps. A price is in the tariff's currency per
kWh; that of export is what the site is paid. Negative prices are prices. Where none is known an assumption stands in for it, and
`notes` says which and from when on: the mean of the same local time on the last known days of the same kind, else the fixed price.
"""

from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from typing import Final, NamedTuple

from controller.planning.site import Floats, Horizon

CELL_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Band:
    """From `begin` to `end` of local time on some days (0 is Monday), over midnight where `end` comes first, the whole day where
    they are equal. What is None the band leaves to the next one that holds. A band that passes midnight belongs to the day on
    which it began.
    """

    begin: time
    end: time
    days: frozenset[int] = frozenset(range(7))
    import_per_kwh: float | None = None
    export_per_kwh: float | None = None
    added_per_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Tariff:
    """What is paid: `is_dynamic`: price received * factor + added, and the fixed prices only where nothing else is known."""

    zone: tzinfo
    import_per_kwh: float | None = None
    export_per_kwh: float | None = None
    bands: tuple[Band, ...] = ()
    is_dynamic: bool = False
    factor: float = 1.0
    added_per_kwh: float = 0.0
    export_factor: float = 1.0
    export_added_per_kwh: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """Prices as they came, one for each cell from `start` (UTC, on a cell); NaN is not known."""

    start: datetime
    import_per_kwh: Floats
    export_per_kwh: Floats


class Prices(NamedTuple):
    """What a kWh costs in each step, what is paid for one, and what had to be assumed."""

    import_per_kwh: Floats
    export_per_kwh: Floats
    notes: tuple[str, ...]


def prices(horizon: Horizon, tariff: Tariff, received: Received | None = None) -> Prices:
    """Means over the steps of the horizon; Refused (`no_prices`) where nothing is known and nothing may be assumed."""
    raise NotImplementedError
