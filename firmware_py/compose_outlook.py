"""The composition root of what is told of the hours to come."""

from collections.abc import Callable

from firmware_py.config import HomeConfig
from firmware_py.home.contracts import Trust
from firmware_py.home.outlook import Keeping, OutlookDesk, Rules
from protocols.ports import Clock, Journal


def hears_outlook(config: HomeConfig) -> bool:
    """Whether anybody may tell this node prices, forecasts or trips: with a plan, or a supplier that sends prices."""
    return config.plan is not None or (config.tariff is not None and config.tariff.issuer is not None)


def outlook_desk(
    config: HomeConfig, trust: Trust, clock: Clock, journal: Journal, say: Callable[[str, str, str], None]
) -> OutlookDesk | None:
    """The desk of a node that hears of the hours to come; None where nothing is made of it."""
    return OutlookDesk(trust, rules(config), Keeping(clock, journal, say)) if hears_outlook(config) else None


def rules(config: HomeConfig) -> Rules:
    """What a node takes by its configuration."""
    chargers = frozenset(charger.name for charger in config.charger if charger.car is not None)
    tariff = config.tariff
    if tariff is None:
        return Rules(config.node.id, chargers=chargers)
    return Rules(config.node.id, tariff.issuer or "", tariff.currency, tariff.price_most_per_kwh, chargers)
