"""Maximum demands on the Modbus map and on a Belgian P1 port."""

import math
import struct
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from controller.disconnect import Control
from firmware_py.meter.emucs import emucs_of
from firmware_py.meter.own_map import DEMAND_MONTHS, demand_words
from firmware_py.meter.registers import Peak, Registers

END = datetime(2026, 1, 31, 22, 45, tzinfo=UTC)
STATE = Registers(
    peaks={
        ("import", "2026-02"): Peak(3450.5, 1_770_000_000_000_000),
        ("export", "2026-02"): Peak(800.0, 1_770_000_900_000_000),
        ("import", "2026-01"): Peak(5000.0, int(END.timestamp() * 1e6)),
        ("import", "2025-12"): Peak(4000.0, 1_765_000_000_000_000),
    }
)


def test_the_map_has_this_month_and_the_twelve_before() -> None:
    words = demand_words(STATE, "2026-02")
    found = list(struct.iter_unpack(">fI", struct.pack(f">{len(words)}H", *words)))
    assert len(found) == 2 * DEMAND_MONTHS
    assert found[0] == (3450.5, 1_770_000_000)
    assert found[1] == (800.0, 1_770_000_900)
    assert found[2] == (5000.0, int(END.timestamp()))
    assert found[4] == (4000.0, 1_765_000_000)
    assert all(math.isnan(power_w) and end == 0 for power_w, end in (found[3], *found[5:]))


def test_a_belgian_telegram_has_local_moments() -> None:
    zone = ZoneInfo("Europe/Brussels")
    told = emucs_of(STATE, "2026-02", zone, Control.READY)
    assert told.this_month is not None
    assert told.this_month.power_w == 3450.5
    (december, _), (january, demand) = told.months
    assert (december, january) == (datetime(2026, 1, 1, tzinfo=zone), datetime(2026, 2, 1, tzinfo=zone))
    assert f"{demand.end:%H:%M}" == "23:45"
    assert told.breaker == 2
    assert emucs_of(Registers(), "2026-02", zone, None).breaker is None
