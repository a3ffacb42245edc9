"""Who a SunSpec device says it is."""

from drivers.sunspec.discovery import Device
from drivers.sunspec.models import COMMON
from protocols.ports import Nameplate, Ratings


async def nameplate(device: Device, ratings: Ratings | None, lacks: tuple[str, ...]) -> Nameplate:
    """Maker, model, serial and firmware from the common model; a broken chain counts as lacking."""
    common = await device.texts(COMMON)
    if device.chain.broken:
        lacks = (*lacks, device.chain.broken)
    maker, model, serial, firmware = (common.text(name) for name in ("Mn", "Md", "SN", "Vr"))
    return Nameplate(maker, model, serial, firmware, ratings, lacks)
