"""Makes an evidence bundle of a contract from a node's chain: what others need to verify it, and nothing twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from firmware_py.config import Loaded
from firmware_py.evidence.archive import CHAIN_FILE, CONTRACT_FILE, MANIFEST_FILE, README_FILE, packed
from firmware_py.evidence.notary import EVIDENCE
from firmware_py.journal import JOURNAL_FILE, stored
from protocols.contracts import Contract, State, parse_contract, utc_text
from protocols.evidence import CONTRACT, INTERVAL, TOKEN, Link, Manifest, hash_of, sealed_manifest
from protocols.faults import Refused
from protocols.messages import ContractEvent, Interval
from protocols.signing import key_id, peek, public_part, signer

_README: Final = """Evidence of one contract. Verify it with: busbar verify THIS.zip --key NODE.pub

manifest.jws   signed by the node: the SHA-256 of each file, where the chain begins and ends
contract.jws   the contract as its issuer signed it
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


def export_bundle(loaded: Loaded, contract_id: str, out: Path, at: datetime) -> None:
    """Write the bundle of a contract from a configured node's journal.

    ValueError where the node has no key; Refused, StoreFailed; OSError (also FileExistsError).
    """
    node = loaded.home.node
    if loaded.node_key is None:
        raise ValueError(f"node {node.id} has no node.key_file: it signs nothing, and there is no evidence")
    chain = stored(node.state_dir / JOURNAL_FILE, EVIDENCE)
    origin = Origin(node.id, loaded.node_key, loaded.home.site.meter, loaded.keys)
    content = bundle(chain, contract_id, origin, at)
    with out.open("xb") as file:
        file.write(content)


def bundle(chain: Sequence[bytes], contract_id: str, origin: Origin, at: datetime) -> bytes:
    """The zip file of a contract; Refused (`unknown`) where the chain holds no such contract."""
    links = [_link(record) for record in chain]
    token, here = _token(links, contract_id)
    contract = parse_contract(peek(token))
    begin, end = _begin(links, here, contract_id), _end(links, here, contract, origin.site_meter)
    issuer = signer(token)
    keys = {key_id(origin.private_key): public_part(origin.private_key)}
    if issuer in origin.issuers:
        keys[issuer] = origin.issuers[issuer]
    files = {
        README_FILE: _README.encode(),
        CONTRACT_FILE: token,
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


def _token(links: Sequence[Link], contract_id: str) -> tuple[bytes, int]:
    """The newest signed contract of this id in the chain, and where it is."""
    for index in reversed(range(len(links))):
        if links[index].stream == TOKEN:
            token = msgspec.json.decode(links[index].body, type=str).encode()
            if parse_contract(peek(token)).id == contract_id:
                return token, index
    raise Refused("unknown", f"contract {contract_id!r} was never accepted, as far as this chain goes")


def _begin(links: Sequence[Link], here: int, contract_id: str) -> int:
    """From where the node says that it received it."""
    for index in reversed(range(here)):
        event = _event(links[index], contract_id)
        if event is not None and event.state is State.RECEIVED:
            return index
    return here


def _end(links: Sequence[Link], here: int, contract: Contract, site_meter: str) -> int:
    """To where the outcome is said and the last interval of the contract is read; the chain's end where it is not yet."""
    is_said = is_read = False
    for index in range(here, len(links)):
        event = _event(links[index], contract.id)
        is_said = is_said or (event is not None and event.state is State.EXPIRED)
        is_read = is_read or _reaches(links[index], site_meter, contract.end)
        if is_said and is_read:
            return index
    return len(links) - 1


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
