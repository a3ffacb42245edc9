"""Mistakes in a configuration that no part of it can see alone.

These are looked for in the raw values, so that another mistake hides none of them.
"""

import difflib
from collections.abc import Iterator
from typing import Any, Final

from drivers.catalogue import MODELS, ChargerModel, InverterModel, MeterModel
from drivers.links import Link, open_stream, parse_url
from drivers.modbus.serial_channel import SerialSettings
from drivers.telegrams.models import TelegramModel
from firmware_py.config_tariff import crossed_tariff
from firmware_py.config_thermometers import crossed_thermometers
from firmware_py.limit_mistakes import crossed_limits
from firmware_py.mistakes_home import crossed_home
from firmware_py.mistakes_loads import SWITCHED, crossed_loads
from firmware_py.tables import table, tables
from protocols.mistakes import Mistake, shown

# Defaults that must fit each other.
CYCLE_S: Final = 1.0
BLIND_AFTER_S: Final = 5.0
LEASE_S: Final = 30.0


def crossed(raw: dict[str, Any]) -> Iterator[Mistake]:
    """A password of nobody, names that stand twice, a site meter that is none, two settings of a line, times too short."""
    devices = tables(raw, "device")
    switched = {kind: tables(raw, kind) for kind in SWITCHED}
    thermometers = tables(raw, "thermometer")
    everything = [*devices, *(each for kind in SWITCHED for each in switched[kind]), *thermometers]
    yield from _login(table(raw, "mqtt"))
    yield from _names(everything)
    yield from _times(raw, devices)
    yield from _fallbacks(devices)
    yield from _site_meter(table(raw, "site").get("meter"), devices)
    yield from _lines(everything)
    yield from _telegrams(everything)
    yield from crossed_loads(switched, devices, _number(table(raw, "node"), "cycle_s", CYCLE_S))
    yield from crossed_thermometers(thermometers)
    yield from _proxies(tables(raw, "proxy"), devices)
    yield from crossed_limits(tables(raw, "grid_limit"), tables(raw, "issuer"), devices)
    yield from _parties(tables(raw, "issuer"), table(raw, "approver").get("name"))
    yield from crossed_home(raw)
    yield from crossed_tariff(raw)


def _parties(issuers: list[tuple[str, dict[str, Any]]], approver: object) -> Iterator[Mistake]:
    """An issuer is one thing only, whichever of its keys it signs with; who is asked must be there to answer."""
    known: dict[object, tuple[object, object]] = {}
    household = any(issuer.get("role") == "household" for _, issuer in issuers)
    for key, issuer in issuers:
        name, rights = issuer.get("name"), (issuer.get("role", "any"), issuer.get("consent", "standing"))
        if known.setdefault(name, rights) != rights:
            yield Mistake(f"{key}.role", shown(rights[0]), f"{name} has another role or consent above")
        if name is not None and name == approver:
            yield Mistake(f"{key}.name", shown(name), "is the approver too; an approver sends nothing but approvals")
        if issuer.get("consent") == "asked" and not household:
            yield Mistake(f"{key}.consent", shown("asked"), "an issuer of role household must be there to accept")


def _login(mqtt: dict[str, Any]) -> Iterator[Mistake]:
    """A client sends no password without a user name: the broker would see a stranger."""
    mistyped = difflib.get_close_matches("username", mqtt)  # is said already
    if "password_file" in mqtt and not mistyped:
        yield Mistake("mqtt.username", "(absent)", "must be there beside password_file")


def _names(devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    seen: list[object] = []
    for key, device in devices:
        name = device.get("name")
        if isinstance(name, str) and name in seen:
            yield Mistake(f"{key}.name", shown(name), "stands twice; device names must differ")
        seen.append(name)


def _site_meter(meter: object, devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    if not isinstance(meter, str) or not devices:
        return
    models = {str(device.get("name")): device.get("model") for _, device in reversed(devices)}
    if meter not in models:
        yield Mistake("site.meter", shown(meter), f"allowed are the devices {', '.join(reversed(models))}")
        return
    model = models[meter]
    if isinstance(model, str) and model in MODELS and not isinstance(MODELS[model], MeterModel | TelegramModel):
        yield Mistake("site.meter", shown(meter), f"{model} is not a meter")


def _times(raw: dict[str, Any], devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    """A reading must outlive two cycles and a lease four: it is renewed before half of it is over."""
    cycle_s = _number(table(raw, "node"), "cycle_s", CYCLE_S)
    blind_s = _number(table(raw, "site"), "blind_after_s", BLIND_AFTER_S)
    if blind_s < 2 * cycle_s:
        yield Mistake(
            "site.blind_after_s", shown(blind_s), f"at least {2 * cycle_s:g}, two of node.cycle_s, is allowed"
        )
    for key, device in devices:
        lease_s = _number(device, "lease_s", LEASE_S)
        if _takes_setpoints(device) and lease_s < 4 * cycle_s:
            yield Mistake(
                f"{key}.lease_s", shown(lease_s), f"at least {4 * cycle_s:g}, four of node.cycle_s, is allowed"
            )


def _fallbacks(devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    for key, device in devices:
        model, value = MODELS.get(str(device.get("model"))), device.get("fallback_w")
        if isinstance(model, MeterModel | TelegramModel) and value is not None:
            yield Mistake(f"{key}.fallback_w", shown(value), "a meter takes no setpoint and has none to fall back to")
        if isinstance(model, ChargerModel) and value is not None:
            yield Mistake(f"{key}.fallback_w", shown(value), "a charger is only read here; [[charger]] controls it")
        if isinstance(model, InverterModel) and isinstance(value, int | float) and value < 0:
            yield Mistake(
                f"{key}.fallback_w", shown(value), "what the inverter may still produce: 0 and more is allowed"
            )


def _takes_setpoints(device: dict[str, Any]) -> bool:
    model = MODELS.get(str(device.get("model")))
    return model is not None and not isinstance(model, MeterModel | TelegramModel | ChargerModel)


def _number(part: dict[str, Any], key: str, default: float) -> float:
    """The number at a key; the default where there is none, or something that is said to be wrong elsewhere."""
    value = part.get(key, default)
    return float(value) if isinstance(value, int | float) else default


def _lines(devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    ports: dict[str, SerialSettings] = {}
    for key, device in devices:
        url = device.get("url")
        try:
            link = parse_url(url) if isinstance(url, str) else None
        except ValueError:
            continue  # said already
        if isinstance(link, SerialSettings) and (first := ports.setdefault(link.path, link)) != link:
            first_s = f"baud={first.baud}&parity={first.parity}&stopbits={first.stopbits}"
            yield Mistake(
                f"{key}.url", shown(url), f"{link.path} is used with {first_s} above; one line has one setting"
            )


def _telegrams(devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    """A meter that sends telegrams has a line of its own, of a form that can carry them; keys are for those that cipher."""
    lines: dict[str, list[str]] = {}
    for key, device in devices:
        model, url = MODELS.get(str(device.get("model"))), device.get("url")
        if "key_file" in device and model is not None and not (isinstance(model, TelegramModel) and model.takes_keys):
            yield Mistake(f"{key}.key_file", shown(device["key_file"]), f"{device.get('model')} has no keys")
        try:
            link = parse_url(str(url))
        except ValueError:
            continue  # said already
        lines.setdefault(_end_of(link), []).append(key)
        if isinstance(model, TelegramModel):
            yield from _unfit(f"{key}.url", str(url))
    for key, device in devices:
        users = next((users for users in lines.values() if key in users and len(users) > 1), None)
        if users is not None and isinstance(MODELS.get(str(device.get("model"))), TelegramModel):
            others = ", ".join(user for user in users if user != key)
            yield Mistake(
                f"{key}.url",
                shown(device.get("url")),
                f"is the line of {others} too; a meter that sends telegrams needs one alone",
            )


def _proxies(proxies: list[tuple[str, dict[str, Any]]], devices: list[tuple[str, dict[str, Any]]]) -> Iterator[Mistake]:
    """A shared device must be there, have registers, and a unit id of its own behind its port; a port stands once."""
    by_name = {str(device.get("name")): device for _, device in reversed(devices)}
    ports: list[object] = []
    for key, proxy in proxies:
        if (listen := proxy.get("listen")) is not None and listen in ports:
            yield Mistake(f"{key}.listen", shown(listen), "stands twice; each proxy needs a port of its own")
        ports.append(listen)
        units: list[object] = []
        for share_key, share in tables(proxy, "share"):
            device = by_name.get(str(share.get("device")))
            if device is None or isinstance(MODELS.get(str(device.get("model"))), TelegramModel):
                with_registers = ", ".join(
                    name
                    for name, each in reversed(by_name.items())
                    if not isinstance(MODELS.get(str(each.get("model"))), TelegramModel)
                )
                yield Mistake(
                    f"{key}.{share_key}.device", shown(share.get("device")), f"allowed are the devices {with_registers}"
                )
                continue
            if (unit := share.get("unit", device.get("unit", 1))) in units:
                yield Mistake(f"{key}.{share_key}.unit", shown(unit), "stands twice behind this port; name another one")
            units.append(unit)


def _unfit(key: str, url: str) -> Iterator[Mistake]:
    try:
        open_stream(url, 1.0)
    except ValueError as error:
        yield Mistake(key, shown(url), str(error).partition(": ")[2])


def _end_of(link: Link) -> str:
    """What two URLs of one line have in common."""
    return link.path if isinstance(link, SerialSettings) else f"{link.host}:{link.port}"
