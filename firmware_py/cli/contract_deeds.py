"""`busbar contract cancel|amend|…`: signed messages about a contract, printed, to be sent with `busbar contract send`."""

import hashlib
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from firmware_py.cli.contract_terms import moment, number_now
from firmware_py.cli.options import BAD_INPUT, parse_duration, stop
from firmware_py.home.shelf import terms_of
from protocols.actions import (
    Accept,
    Action,
    Amend,
    Approve,
    Call,
    Cancel,
    Counter,
    Default,
    Settle,
    Supersede,
    encode_action,
    parse_action,
)
from protocols.contracts import Contract, parse_contract
from protocols.faults import Refused
from protocols.signing import APPROVAL, DEED, SignedText, kind_of, peek, sign

Input = Annotated[str, typer.Argument(help="A file, or - for stdin.")]
Key = Annotated[Path, typer.Option(help="The private key file to sign with.")]
Issuer = Annotated[str, typer.Option(help="Who signs it; on the node's trust list.")]
Node = Annotated[str, typer.Option(help="The node it is for.")]
ContractId = Annotated[str, typer.Argument(help="The contract's id.", metavar="CONTRACT_ID")]
Seq = Annotated[int | None, typer.Option(help="Sequence number; absent: the time in milliseconds.")]
Why = Annotated[str, typer.Option(help="Why, in a sentence.")]


def cancel(contract: ContractId, issuer: Issuer, node: Node, key: Key, why: Why = "", seq: Seq = None) -> None:
    """Print a signed cancellation; of a proposal that is asked for, its refusal."""
    _signed(lambda: Cancel(seq=_seq(seq), iss=issuer, aud=node, contract=contract, why=why), key)


def amend(terms: Input, key: Key) -> None:
    """Print signed new terms for the contract of the same id; made with `contract new --id`."""
    new = _terms(terms)
    _signed(lambda: Amend(seq=new.seq, iss=new.iss, aud=new.aud, contract=new.id, terms=new), key)


def supersede(contract: ContractId, terms: Input, key: Key) -> None:
    """Print a signed contract that ends another one where it begins."""
    new = _terms(terms)
    _signed(lambda: Supersede(seq=new.seq, iss=new.iss, aud=new.aud, contract=contract, terms=new), key)


def counter(contract: ContractId, terms: Input, key: Key) -> None:
    """Print a signed counter-offer to a proposal."""
    new = _terms(terms)
    _signed(lambda: Counter(seq=new.seq, iss=new.iss, aud=new.aud, contract=contract, terms=new), key)


def accept(signed: Input, issuer: Issuer, key: Key, seq: Seq = None) -> None:
    """Print a signed acceptance of a signed proposal."""
    token, on = _proposal(signed)
    _signed(
        lambda: Accept(seq=_seq(seq), iss=issuer, aud=on.aud, contract=on.id, sha256=hashlib.sha256(token).hexdigest()),
        key,
    )


def approve(
    signed: Input,
    issuer: Annotated[str, typer.Option(help="The approver, as the node knows it.")],
    key: Key,
    power_w: Annotated[float | None, typer.Option("--power-w", help="Approve so much only, a magnitude.")] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it.")] = False,
    binding: Annotated[str, typer.Option(help="The element of the network that binds.")] = "",
    seq: Seq = None,
) -> None:
    """Print a signed approval of a signed contract: in full, at less power, or its refusal."""
    token, on = _proposal(signed)
    verdict: Literal["full", "partly", "refused"]
    verdict = "refused" if refuse else "full" if power_w is None else "partly"
    _signed(
        lambda: Approve(
            seq=_seq(seq),
            iss=issuer,
            aud=on.aud,
            contract=on.id,
            sha256=hashlib.sha256(token).hexdigest(),
            verdict=verdict,
            power_w=power_w,
            binding=binding,
        ),
        key,
    )


def call(
    contract: ContractId,
    issuer: Issuer,
    node: Node,
    key: Key,
    change_w: Annotated[float, typer.Option("--change-w", help="The change that is called.")],
    duration: Annotated[str, typer.Option(help="How long, such as 15m.")],
    start: Annotated[str, typer.Option(help="RFC 3339 with zone, or now, or a wait such as +30s.")] = "now",
    seq: Seq = None,
) -> None:
    """Print a signed call of an option."""
    begin, lasts_s = moment(start), parse_duration(duration)
    _signed(
        lambda: Call(
            seq=_seq(seq),
            iss=issuer,
            aud=node,
            contract=contract,
            start=begin,
            duration_s=lasts_s,
            change_w=change_w,
        ),
        key,
    )


def default(
    contract: ContractId,
    issuer: Issuer,
    node: Node,
    key: Key,
    party: Annotated[str, typer.Option(help="Who does not keep it.")],
    why: Annotated[str, typer.Option(help="Why, in a sentence.")],
    seq: Seq = None,
) -> None:
    """Print a signed notice that a party does not keep the contract."""
    _signed(lambda: Default(seq=_seq(seq), iss=issuer, aud=node, contract=contract, party=party, why=why), key)


def settle(
    contract: ContractId,
    issuer: Issuer,
    node: Node,
    key: Key,
    amount: Annotated[str, typer.Option(help="What is paid, such as 0.02.")],
    statement: Annotated[Path, typer.Option(help="The statement it rests on (busbar settle --json).")],
    currency: Annotated[str, typer.Option(help="Three letters.")] = "EUR",
    seq: Seq = None,
) -> None:
    """Print a signed notice that a contract that has ended is paid."""
    try:
        due, rests_on = Decimal(amount), hashlib.sha256(statement.read_bytes()).hexdigest()
    except (InvalidOperation, OSError) as error:
        stop(f"--amount {amount} --statement {statement}: {error}", BAD_INPUT)
    _signed(
        lambda: Settle(
            seq=_seq(seq),
            iss=issuer,
            aud=node,
            contract=contract,
            amount_due=due,
            currency=currency,
            sha256=rests_on,
        ),
        key,
    )


def read_input(source: str) -> bytes:
    """What a file or stdin holds."""
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        stop(f"{source}: {error.strerror}", BAD_INPUT)


def _seq(seq: int | None) -> int:
    return number_now() if seq is None else seq


def _terms(source: str) -> Contract:
    try:
        return parse_contract(read_input(source).strip())
    except Refused as refused:
        stop(str(refused), BAD_INPUT)


def _proposal(source: str) -> tuple[bytes, Contract]:
    """A signed message that brings terms, and the terms; whose signature it is says the node."""
    token = read_input(source).strip()
    try:
        return token, terms_of(SignedText(peek(token), "", token, kind_of(token)))
    except Refused as refused:
        stop(str(refused), BAD_INPUT)


def _signed(make: Callable[[], Action], key: Path) -> None:
    """Print the message, checked as a node will check it, and signed."""
    try:
        payload = encode_action(make())
        action = parse_action(payload)
        print(
            sign(payload, key.read_text(encoding="utf-8"), APPROVAL if isinstance(action, Approve) else DEED).decode()
        )
    except (Refused, ValueError) as error:
        _bad(str(error))
    except OSError as error:
        _bad(f"--key {str(key)!r}: {error.strerror}")


def _bad(message: str) -> NoReturn:
    stop(message, BAD_INPUT)
