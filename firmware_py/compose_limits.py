"""The composition root of grid limits: from `[[grid_limit]]` and the book to the sources that limit a node."""

from typing import Protocol

from controller.limits import contacts as relay
from controller.limits.allowed import Caps
from controller.limits.guarded import Failsafe
from drivers.gpio.contacts import GpioContacts
from drivers.gpio.lines import LineOptions, line_name
from drivers.switchgear.relays import BoardInputs
from firmware_py.compose_loads import BusOf, LazyLines
from firmware_py.config import HomeConfig
from firmware_py.config_limits import ContactsConfig, GuardConfig
from firmware_py.home.contracts import ContractDesk
from firmware_py.home.limit_sources import ContactSource, EnvelopeSource, GuardedSource, LimitSource, NoContacts
from protocols.faults import Unsupported
from protocols.ports import BitBus, Clock, Contacts, Journal


class ContactsOf(Protocol):
    """Gives the contacts of a configured grid limit."""

    def __call__(self, limit: ContactsConfig, bus_of: BusOf) -> Contacts:
        """Those that it names, or all of its board."""
        ...


def contacts_of_line(limit: ContactsConfig, bus_of: BusOf) -> Contacts:
    """Contacts on GPIO lines, or the inputs of a board up to the last one that is named."""
    if limit.url is None:
        names = [line_name(contact.line) for contact in limit.contact if contact.line is not None]
        return GpioContacts(LazyLines(), names, LineOptions(limit.active_low, limit.pull))
    bus = bus_of(limit.url, limit.timeout_s)
    if not isinstance(bus, BitBus):
        return NoContacts(Unsupported(f"{limit.url}: this line carries no single bits"))
    return BoardInputs(bus, limit.unit, 1 + max(contact.input or 0 for contact in limit.contact))


def limit_sources(
    config: HomeConfig, desk: ContractDesk, contacts_of: ContactsOf, bus_of: BusOf, clock: Clock, journal: Journal
) -> list[LimitSource]:
    """Everybody who may limit this node's connection point."""
    operators = frozenset(issuer.name for issuer in config.issuer if issuer.role in ("any", "grid"))
    sources: list[LimitSource] = [EnvelopeSource(lambda: desk.book.entries, operators, journal)]
    for limit in config.grid_limit:
        match limit:
            case GuardConfig(name=name, issuer=issuer, use=use):
                failsafe = Failsafe(limit.failsafe_w, limit.failsafe_s)
                sources.append(GuardedSource(name, (issuer, use), failsafe, clock, journal))
            case ContactsConfig():
                contacts = contacts_of(limit, bus_of)
                picked = None if limit.url is None else tuple(contact.input or 0 for contact in limit.contact)
                sources.append(ContactSource(_relay_params(limit), contacts, picked, clock))
    return sources


def _relay_params(limit: ContactsConfig) -> relay.Params:
    caps = tuple(Caps(contact.import_limit_w, contact.export_limit_w) for contact in limit.contact)
    failsafe = relay.strictest(caps)
    if limit.failsafe_import_w is not None or limit.failsafe_export_w is not None:
        failsafe = Caps(limit.failsafe_import_w, limit.failsafe_export_w)
    return relay.Params(limit.name, caps, failsafe, limit.settle_s, limit.one_is_closed)
