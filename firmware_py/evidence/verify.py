"""Verifies an evidence bundle from its bytes alone: no clock, no network, no node."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from firmware_py.evidence.archive import APPROVALS, CHAIN_FILE, CONTRACT_FILE, MANIFEST_FILE, MESSAGES
from firmware_py.home.shelf import KINDS, message_of, terms_of
from protocols.actions import Action, Amend, Approve, action_name
from protocols.contracts import Contract, Outcome, State, at_power
from protocols.evidence import (
    CONTRACT,
    INTERVAL,
    TOKEN,
    BadRecord,
    Link,
    Manifest,
    checked_chain,
    hash_of,
    opened_manifest,
)
from protocols.faults import Refused
from protocols.limits import LIMIT, LimitRecord, LimitRefusal
from protocols.messages import ContractEvent, Interval
from protocols.signing import SignedText, key_id, kind_of, open_signed, peek

_KEYS: Final = "keys/"
_ABOUT: Final = (APPROVALS, MESSAGES)


class Signer(msgspec.Struct, frozen=True):
    """A key that something is signed with. `pinned`: the verifier brought it along; otherwise it is the bundle's own."""

    role: str
    key_id: str
    pinned: bool


@dataclass(slots=True)
class _Said:
    """What the records of a chain say, in their order."""

    events: list[ContractEvent] = field(default_factory=list)
    story: list[ContractEvent | Action] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """What a bundle says in which everything is right. `terms`: the contract as it held at last, amended and approved."""

    manifest: Manifest
    node_key: str
    issuer_key: str
    contract: Contract
    terms: Contract
    approvals: int
    messages: int
    events: Sequence[ContractEvent]
    intervals: Sequence[Interval]

    @property
    def outcome(self) -> Outcome | None:
        """What the node says became of the contract, at its end."""
        return next((event.outcome for event in reversed(self.events) if event.state is State.EXPIRED), None)

    def site_intervals(self) -> list[Interval]:
        """The interval readings of the connection point that touch the contract's window."""
        at_the_point = (each for each in self.intervals if each.device == self.manifest.site_meter)
        return [each for each in at_the_point if _touches(each, self.contract)]


def _touches(interval: Interval, contract: Contract) -> bool:
    starts_before = datetime.fromisoformat(interval.start) < contract.end
    return starts_before and datetime.fromisoformat(interval.end) > contract.start


def verify(files: Mapping[str, bytes], pinned: Mapping[str, str]) -> Found:
    """Everything a bundle says, once all of it is right; BadRecord names the first thing that is not.

    `pinned`: public keys the verifier brings along, by thumbprint. With any, the node's must be one of them.
    """
    keys = {**_keys(files), **pinned}
    manifest, node_key = _manifest(files, keys)
    if pinned and node_key not in pinned:
        raise BadRecord(MANIFEST_FILE, f"is signed with key {node_key}, which is none of the {len(pinned)} given")
    said = _Said()
    for link in checked_chain(_lines(files[CHAIN_FILE]), {node_key: keys[node_key]}, manifest, CHAIN_FILE):
        _take(link, manifest.contract, said)
    contract, issuer_key = _contract(files[CONTRACT_FILE], keys, manifest, said)
    about = {name: _about(name, files[name], keys, manifest, said) for name in sorted(files) if name.startswith(_ABOUT)}
    approvals = _approvals(files, about)
    _insist_on_files(files, manifest)
    terms = _terms(contract, said)
    messages = len(about) - approvals
    return Found(manifest, node_key, issuer_key, contract, terms, approvals, messages, said.events, said.intervals)


def _keys(files: Mapping[str, bytes]) -> dict[str, str]:
    """The bundle's own keys; each stands under its own thumbprint."""
    keys = {}
    for name in files:
        if not name.startswith(_KEYS):
            continue
        try:
            text = files[name].decode()
            named = key_id(text)
        except ValueError as error:  # also what is not UTF-8
            raise BadRecord(name, f"is no Ed25519 public key: {error}") from error
        if name != f"{_KEYS}{named}.jwk":
            raise BadRecord(name, f"holds another key than its name says: {named}")
        keys[named] = text
    return keys


def _manifest(files: Mapping[str, bytes], keys: Mapping[str, str]) -> tuple[Manifest, str]:
    try:
        return opened_manifest(files[MANIFEST_FILE], keys)
    except Refused as refused:
        raise BadRecord(MANIFEST_FILE, str(refused)) from refused


def _lines(chain: bytes) -> Sequence[bytes]:
    """One record a line; whatever follows the last line break is a record too, and a bad one."""
    lines = chain.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def _take(link: Link, contract_id: str, said: _Said) -> None:
    """What a record of the chain adds; its body must be what its stream says."""
    try:
        if link.stream == INTERVAL:
            said.intervals.append(msgspec.json.decode(link.body, type=Interval))
        elif link.stream == CONTRACT:
            event = msgspec.json.decode(link.body, type=ContractEvent)
            if event.contract == contract_id:
                said.events.append(event)
                said.story.append(event)
        elif link.stream == TOKEN:
            token = msgspec.json.decode(link.body, type=str).encode()
            said.tokens.append(token)
            message = message_of(SignedText(peek(token), "", token, kind_of(token)))
            if not isinstance(message, Contract) and message.contract == contract_id:
                said.story.append(message)
        elif link.stream == LIMIT:
            msgspec.json.decode(link.body, type=LimitRefusal if b'"refused"' in bytes(link.body) else LimitRecord)
    except Refused as refused:
        raise BadRecord(CHAIN_FILE, str(refused), link.seq) from refused
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRecord(CHAIN_FILE, f"is no record of stream {link.stream}: {error}", link.seq) from error


def _contract(token: bytes, keys: Mapping[str, str], manifest: Manifest, said: _Said) -> tuple[Contract, str]:
    """The contract and the key that signed it: the one the manifest names, for this node, and in its chain."""
    try:
        signed = open_signed(token, keys, KINDS)
        contract = terms_of(signed)
    except Refused as refused:
        raise BadRecord(CONTRACT_FILE, str(refused)) from refused
    if contract.id != manifest.contract or contract.aud != manifest.node:
        text = f"is contract {contract.id} for node {contract.aud}"
        raise BadRecord(CONTRACT_FILE, f"{text}, the manifest says {manifest.contract} for {manifest.node}")
    if token not in said.tokens:
        raise BadRecord(CONTRACT_FILE, "is not the contract that the node says in its chain it accepted")
    return contract, signed.key_id


def _about(name: str, token: bytes, keys: Mapping[str, str], manifest: Manifest, said: _Said) -> Action:
    """A signed message about the contract: signed with a key that is there, about it, and in the chain."""
    try:
        signed = open_signed(token, keys, KINDS)
        message = message_of(signed)
    except Refused as refused:
        raise BadRecord(name, str(refused)) from refused
    if isinstance(message, Contract) or message.contract != manifest.contract or message.aud != manifest.node:
        raise BadRecord(name, f"is not about contract {manifest.contract} of node {manifest.node}")
    if token not in said.tokens:
        raise BadRecord(name, "is not a message that the node says in its chain it took")
    if name.startswith(APPROVALS) is not isinstance(message, Approve):
        raise BadRecord(name, f"is {action_name(message)}: approvals and other messages have folders of their own")
    return message


def _approvals(files: Mapping[str, bytes], about: Mapping[str, Action]) -> int:
    """How many approvals there are; each must name terms that are here: the contract's, or those of an amendment."""
    amendments = (name for name, message in about.items() if isinstance(message, Amend))
    terms = {hash_of(files[name]) for name in (CONTRACT_FILE, *amendments)}
    approvals = {name: message for name, message in about.items() if isinstance(message, Approve)}
    for name, approval in approvals.items():
        if approval.sha256 not in terms:
            raise BadRecord(name, f"approves a message with hash {approval.sha256[:16]}…, which is not in this bundle")
    return len(approvals)


def _terms(contract: Contract, said: _Said) -> Contract:
    """The terms as they held at last: by each amendment and partial approval that the node says it followed."""
    amended, granted_w = contract, None
    for each in said.story:
        if isinstance(each, Amend):
            amended = each.terms
        elif isinstance(each, Approve):
            granted_w = each.power_w
        elif isinstance(each, ContractEvent) and each.state is State.AMENDED and not each.reason:
            contract = amended
        elif isinstance(each, ContractEvent) and each.state is State.APPROVED and granted_w is not None:
            amended = at_power(amended, granted_w)
            contract = at_power(contract, granted_w)
    return contract


def _insist_on_files(files: Mapping[str, bytes], manifest: Manifest) -> None:
    """Exactly the files that the manifest names, with the hashes that it names."""
    for name, content in files.items():
        if name != MANIFEST_FILE and manifest.files.get(name) != hash_of(content):
            raise BadRecord(name, "is not the file that the manifest names, or it names none of this name")
    for name in manifest.files:
        if name not in files:
            raise BadRecord(name, "is missing; the manifest names it")


def signers(found: Found, pinned: Mapping[str, str]) -> tuple[Signer, ...]:
    """Who signed what, and whose word it is that the key is his."""
    roles = (("node", found.node_key), ("issuer", found.issuer_key))
    return tuple(Signer(role, key, key in pinned) for role, key in roles)


def as_csv(intervals: Sequence[Interval]) -> str:
    """The readings as `busbar settle` takes them, in Wh; a register that was not there is an empty field."""
    return "".join(f"{line}\n" for line in _csv(intervals))


def _csv(intervals: Sequence[Interval]) -> Iterator[str]:
    yield "start,end,energy_import_wh,energy_export_wh,quality"
    for each in intervals:
        counted = {c.register: Decimal(repr(c.end_wh)) - Decimal(repr(c.start_wh)) for c in each.counters}
        energies = (counted.get("energy_import_wh", ""), counted.get("energy_export_wh", ""))
        yield ",".join((each.start, each.end, *(f"{energy}" for energy in energies), each.quality))
