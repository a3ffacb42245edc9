"""Makes an evidence bundle of a contract from a node's chain: what others need to verify it, and nothing twice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from firmware_py.config import Loaded
from firmware_py.evidence.archive import (
    APPROVALS,
    CHAIN_FILE,
    CONTRACT_FILE,
    MANIFEST_FILE,
    MESSAGES,
    README_FILE,
    STATEMENT_FILE,
    packed,
)
from firmware_py.evidence.notary import EVIDENCE
from firmware_py.home.shelf import begins, ids_in, message_of
from firmware_py.journal import JOURNAL_FILE, stored
from protocols.actions import Action, Approve, WithTerms
from protocols.contracts import Contract, State, utc_text
from protocols.evidence import CONTRACT, INTERVAL, TOKEN, Link, Manifest, hash_of, sealed_manifest
from protocols.faults import Refused
from protocols.messages import ContractEvent, Interval
from protocols.signing import SignedText, key_id, kind_of, peek, public_part, signer

_README: Final = """Evidence of one contract. Verify it with: busbar verify THIS.zip --key NODE.pub

manifest.jws   signed by the node: the SHA-256 of each file, where the chain begins and ends
contract.jws   the contract as its issuer signed it
messages/      signed messages about it, in their order: amendments, calls, a cancellation
approvals/     the zone's signed approvals; each names the SHA-256 of the message that it approves
statement.json what was settled, where it was put in
chain.jws      the node's records, one signed JWS a line; each names the SHA-256 of the line before
keys/          public keys (JWK) by RFC 7638 thumbprint: what is signed with, not whose they are
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose evidence it is: the node's private key, its site meter, and the public keys of issuers by thumbprint."""

    node: str
    private_key: str
    site_meter: str
    issuers: Mapping[str, str]


def export_bundle(loaded: Loaded, contract_id: str, out: Path, at: datetime, statement: bytes | None = None) -> None:
    """Write the bundle of a contract from a configured node's journal.

    ValueError where the node has no key; Refused, StoreFailed; OSError (also FileExistsError).
    """
    node = loaded.home.node
    if loaded.node_key is None:
        raise ValueError(f"node {node.id} has no node.key_file: it signs nothing, and there is no evidence")
    chain = stored(node.state_dir / JOURNAL_FILE, EVIDENCE)
    origin = Origin(node.id, loaded.node_key, loaded.home.site.meter, loaded.keys)
    content = bundle(chain, contract_id, origin, at, statement)
    with out.open("xb") as file:
        file.write(content)


def bundle(
    chain: Sequence[bytes], contract_id: str, origin: Origin, at: datetime, statement: bytes | None = None
) -> bytes:
    """The zip file of a contract; Refused (`unknown`) where the chain holds no such contract."""
    links = [_link(record) for record in chain]
    tokens = _tokens(links, contract_id)
    token, about = _parted(tokens, contract_id)
    begin = _begin(links, contract_id)
    end = _end(links, contract_id, max(_ends(tokens, contract_id)), origin.site_meter)
    signers = {signer(each) for each in tokens}
    keys = {key_id(origin.private_key): public_part(origin.private_key)}
    keys |= {name: text for name, text in origin.issuers.items() if name in signers}
    files = {
        README_FILE: _README.encode(),
        CONTRACT_FILE: token,
        **about,
        **({} if statement is None else {STATEMENT_FILE: statement}),
        **{f"keys/{name}.jwk": text.encode() for name, text in keys.items()},
        CHAIN_FILE: b"".join(record + b"\n" for record in chain[begin : end + 1]),
    }
    manifest = Manifest(
        bundle=1,
        node=origin.node,
        contract=contract_id,
        site_meter=origin.site_meter,
        made_at=utc_text(at),
        first=links[begin].seq,
        last=links[end].seq,
        prev=links[begin].prev,
        head=hash_of(chain[end]),
        files={name: hash_of(content) for name, content in files.items()},
    )
    return packed({MANIFEST_FILE: sealed_manifest(manifest, origin.private_key), **files})


def _link(record: bytes) -> Link:
    return msgspec.json.decode(peek(record), type=Link)


def _tokens(links: Sequence[Link], contract_id: str) -> list[bytes]:
    """The signed messages of a contract in the chain, in their order; Refused where there is none that brings its terms."""
    said = [msgspec.json.decode(link.body, type=str).encode() for link in links if link.stream == TOKEN]
    return [token for token in said if contract_id in ids_in(_message(token))]


def _parted(tokens: Sequence[bytes], contract_id: str) -> tuple[bytes, dict[str, bytes]]:
    """The message that brought the terms at first, and the others as files."""
    first = next((token for token in tokens if begins(_message(token), contract_id)), None)
    if first is None:
        raise Refused("unknown", f"contract {contract_id!r} was never accepted, as far as this chain goes")
    others = [token for token in tokens if token != first]
    folders = [APPROVALS if isinstance(_message(token), Approve) else MESSAGES for token in others]
    names = (f"{folder}{number:04}.jws" for number, folder in enumerate(folders, 1))
    return first, dict(zip(names, others, strict=True))


def _message(token: bytes) -> Contract | Action:
    return message_of(SignedText(peek(token), "", token, kind_of(token)))


def _ends(tokens: Sequence[bytes], contract_id: str) -> Iterator[datetime]:
    """When the contract ends, by all the terms that it ever had."""
    for token in tokens:
        message = _message(token)
        terms = message.terms if isinstance(message, WithTerms) else message
        if isinstance(terms, Contract) and terms.id == contract_id:
            yield terms.end


def _begin(links: Sequence[Link], contract_id: str) -> int:
    """From where the node first speaks of it: it was received, or a message about it came before it."""
    return next(index for index, link in enumerate(links) if _event(link, contract_id) is not None)


def _end(links: Sequence[Link], contract_id: str, until: datetime, site_meter: str) -> int:
    """To where the last is said of it and its last interval read; the chain's end where the outcome is not said yet."""
    states = {
        index: event.state for index, link in enumerate(links) if (event := _event(link, contract_id)) is not None
    }
    last = max(states)
    if State.CANCELLED in states.values() or State.DEFAULTED in states.values():
        return last
    read = next((index for index, link in enumerate(links) if _reaches(link, site_meter, until)), None)
    return len(links) - 1 if State.EXPIRED not in states.values() or read is None else max(last, read)


def _event(link: Link, contract_id: str) -> ContractEvent | None:
    if link.stream != CONTRACT:
        return None
    event = msgspec.json.decode(link.body, type=ContractEvent)
    return event if event.contract == contract_id else None


def _reaches(link: Link, site_meter: str, moment: datetime) -> bool:
    if link.stream != INTERVAL:
        return False
    interval = msgspec.json.decode(link.body, type=Interval)
    return interval.device == site_meter and datetime.fromisoformat(interval.end) >= moment.astimezone(UTC)
