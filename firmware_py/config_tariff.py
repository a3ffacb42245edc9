"""The part of a home node's configuration that says what a kWh costs: `[tariff]` and its bands."""

from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from controller.tariff import CELL_S, Band, Tariff
from firmware_py.config_home import DAYS, Day, TimeOfDay
from firmware_py.config_parts import Number, Part
from firmware_py.tables import table, tables
from protocols.mistakes import Mistake, did_you_mean, shown
from protocols.outlook import PRICE_MOST_PER_KWH

# A kWh for ten euros is a slip of the pen; where money counts otherwise `price_most_per_kwh` says so.
PRICE_MOST: Final = 10.0


def _full(value: time) -> time:
    if (value.hour * 60 + value.minute) * 60 % CELL_S or value.second or value.microsecond:
        raise ValueError('full five minutes such as "06:00" or "06:05" are allowed')
    return value


Price = Annotated[Number, Field(ge=-PRICE_MOST_PER_KWH, le=PRICE_MOST_PER_KWH)]
FullTime = Annotated[TimeOfDay, AfterValidator(_full)]


class BandConfig(Part):
    """`[[tariff.band]]`: what holds from a local time `to` another (over midnight: of the day it began on; equal: all day).

    The first band that holds and names a value decides. `added_per_kwh` is on top of prices that come by message.
    """

    from_: Annotated[FullTime, Field(alias="from")]
    to: FullTime
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS
    import_per_kwh: Price | None = None
    export_per_kwh: Price | None = None
    added_per_kwh: Price | None = None


class TariffConfig(Part):
    """`[tariff]`: what a kWh costs and brings. Export prices are what the site is paid; negative ones are prices too.

    `issuer`: who sends prices by message: those cost price * factor + added_per_kwh, and the fixed price only stands in where
    none is known. `deviation_per_kwh`: what missing a contract costs where the contract does not say.
    """

    import_per_kwh: Price | None = None
    export_per_kwh: Price = 0.0
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    band: Annotated[tuple[BandConfig, ...], Field(max_length=64)] = ()
    issuer: str | None = None
    factor: Annotated[Number, Field(gt=0, le=10)] = 1.0
    added_per_kwh: Price = 0.0
    export_factor: Annotated[Number, Field(ge=0, le=10)] = 1.0
    export_added_per_kwh: Price = 0.0
    deviation_per_kwh: Annotated[Number, Field(ge=0, le=PRICE_MOST_PER_KWH)] | None = None
    price_most_per_kwh: Annotated[Number, Field(gt=0, le=PRICE_MOST_PER_KWH)] = PRICE_MOST


def tariff_of(config: TariffConfig, timezone: str) -> Tariff:
    """The tariff that prices are made of."""
    bands = tuple(
        Band(
            band.from_,
            band.to,
            frozenset(DAYS.index(day) for day in band.days),
            band.import_per_kwh,
            band.export_per_kwh,
            band.added_per_kwh,
        )
        for band in config.band
    )
    return Tariff(
        zone=ZoneInfo(timezone),
        import_per_kwh=config.import_per_kwh,
        export_per_kwh=config.export_per_kwh,
        bands=bands,
        is_dynamic=config.issuer is not None,
        factor=config.factor,
        added_per_kwh=config.added_per_kwh,
        export_factor=config.export_factor,
        export_added_per_kwh=config.export_added_per_kwh,
    )


def crossed_tariff(raw: dict[str, Any]) -> Iterator[Mistake]:
    """What no key of a tariff can see alone, looked for in the raw values: who sends prices, prices that are absurd here, bands
    that say nothing, local times without a zone.
    """
    if not isinstance(raw.get("tariff"), dict):
        return
    tariff = table(raw, "tariff")
    bands = [(f"tariff.{key}", band) for key, band in tables(tariff, "band")]
    yield from _issuer(raw, tariff)
    yield from _absurd([("tariff", tariff), *bands], tariff.get("price_most_per_kwh", PRICE_MOST))
    for key, band in bands:
        if not {"import_per_kwh", "export_per_kwh", "added_per_kwh"} & band.keys():
            yield Mistake(
                f"{key}.import_per_kwh", "(absent)", "a band must name a price: of import, of export or added"
            )
        if "added_per_kwh" in band and "issuer" not in tariff:
            yield Mistake(f"{key}.added_per_kwh", shown(band["added_per_kwh"]), "nothing is added to fixed prices")
    if bands and "timezone" not in table(raw, "site"):
        yield Mistake("site.timezone", "(absent)", "must be there beside [[tariff.band]], such as Europe/Berlin")


def _issuer(raw: dict[str, Any], tariff: dict[str, Any]) -> Iterator[Mistake]:
    issuer = tariff.get("issuer")
    if issuer is None:
        if "import_per_kwh" not in tariff:
            yield Mistake("tariff.import_per_kwh", "(absent)", "must be there, or an issuer that sends prices")
        for name in ("factor", "added_per_kwh", "export_factor", "export_added_per_kwh"):
            if name in tariff:
                yield Mistake(f"tariff.{name}", shown(tariff[name]), "is for prices by message and needs an issuer")
        return
    known = [str(each.get("name")) for _, each in tables(raw, "issuer") if each.get("role", "any") in ("any", "market")]
    if isinstance(issuer, str) and issuer not in known:
        said = did_you_mean(issuer, known) if known else "none has it"
        yield Mistake("tariff.issuer", shown(issuer), f'must be an issuer with role = "market"; {said}')


def _absurd(places: list[tuple[str, dict[str, Any]]], most: object) -> Iterator[Mistake]:
    if isinstance(most, bool) or not isinstance(most, int | float):
        return  # said already
    for key, prices in places:
        for name in ("import_per_kwh", "export_per_kwh", "added_per_kwh", "export_added_per_kwh"):
            value = prices.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > most:
                allowed = f"{-most:g} to {most:g} per kWh is allowed; price_most_per_kwh widens it"
                yield Mistake(f"{key}.{name}", shown(value), allowed)
