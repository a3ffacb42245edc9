"""The public captures in tests/vectors/, and a reading to encode."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sim_hardware.devices.push_reading import PushReading

VECTORS: Final = Path(__file__).parents[1] / "vectors"
SUMMER: Final = datetime(2026, 6, 21, 12, 34, 56, tzinfo=UTC)
# L2 exports more than the others import.
READING: Final = PushReading(
    utc=SUMMER,
    power_w=(500.0, -1200.0, 300.0),
    voltage_v=(230.44, 231.0, 229.0),
    current_a=(2.2, 5.2, 1.3),
    import_wh=12_345_678.4,
    export_wh=7_654_321.0,
    import_varh=11.0,
    export_varh=22.0,
)


def lines_of(name: str) -> list[str]:
    """A vector without its comments."""
    return [line for line in (VECTORS / name).read_text().splitlines() if not line.startswith("#")]


def p1_telegram() -> bytes:
    return "".join(f"{line}\r\n" for line in lines_of("dsmr_v5.txt")).encode("ascii")


def sml_transmission() -> bytes:
    return bytes.fromhex("".join(lines_of("sml_emh.hex")))


def dlms_apdus() -> tuple[bytes, bytes]:
    """Ciphered and in the clear."""
    ciphered, clear = "".join(lines_of("dlms_push_tirol.hex")).removeprefix("ciphered:").split("clear:")
    return bytes.fromhex(ciphered), bytes.fromhex(clear)
