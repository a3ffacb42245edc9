"""`busbar contract`: write the terms, sign them, send them and follow what becomes of them."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import aiomqtt
import msgspec
import typer

from firmware_py.cli import contract_deeds, contract_terms
from firmware_py.cli.contract_deeds import Input, read_input
from firmware_py.cli.contract_terms import checked
from firmware_py.cli.options import BAD_INPUT, FAULT, parse_duration, stop
from firmware_py.config import broker_address
from firmware_py.home.shelf import message_of
from protocols.actions import Accept, Action, Amend, Approve, Call, Cancel, Counter, Default, Settle, Supersede
from protocols.contracts import Contract, Outcome, State
from protocols.faults import Refused, StoreFailed
from protocols.messages import ContractEvent, Journalled
from protocols.signing import SignedText, kind_of, peek
from protocols.signing import sign as sign_payload
from protocols.topics import Topics

app = typer.Typer(
    help="Write, sign and send contracts and messages about them; export the evidence.",
    epilog="Example: busbar contract new --issuer dso.example --node home-1 --power-w -2000",
    no_args_is_help=True,
)


_WHO = "--issuer dso.example --node home-1"
_KEY = "--key dso.example.key"
app.command("new", epilog=f"Example: busbar contract new {_WHO} --power-w -2000 --duration 15m")(contract_terms.new)
_DEEDS: dict[Callable[..., None], str] = {
    contract_deeds.cancel: f"cancel dso.example:1 {_WHO} {_KEY}",
    contract_deeds.amend: f"amend terms.json {_KEY}",
    contract_deeds.supersede: f"supersede dso.example:1 terms.json {_KEY}",
    contract_deeds.counter: "counter dso.example:1 terms.json --key home.key",
    contract_deeds.accept: "accept signed.jws --issuer owner --key owner.key",
    contract_deeds.approve: "approve signed.jws --issuer zone-1 --power-w 1500 --key zone-1.key",
    contract_deeds.call: f"call dso.example:1 {_WHO} --change-w 1000 --duration 15m {_KEY}",
    contract_deeds.default: f"default dso.example:1 {_WHO} --party home-1 --why 'not delivered' {_KEY}",
    contract_deeds.settle: f"settle dso.example:1 {_WHO} --amount 0.02 --statement statement.json {_KEY}",
}
for _deed, _example in _DEEDS.items():
    app.command(getattr(_deed, "__name__", ""), epilog=f"Example: busbar contract {_example}")(_deed)


@app.command("sign", epilog="Example: busbar contract sign terms.json --key dso.example.key")
def sign(
    terms: Input,
    key: Annotated[Path, typer.Option(help="The issuer's private key file.")],
) -> None:
    """Print the signed contract (a compact JWS); the bytes are signed as they are."""
    payload = read_input(terms).strip()
    checked(payload)
    try:
        print(sign_payload(payload, key.read_text(encoding="utf-8")).decode())
    except (OSError, ValueError) as error:
        stop(f"--key {str(key)!r}: {error}", BAD_INPUT)


@app.command("send", epilog="Example: busbar contract send signed.jws --node home-1 --broker mqtt://127.0.0.1:1883")
def send(
    signed: Input,
    node: Annotated[str, typer.Option(help="The node it is for.")],
    broker: Annotated[str, typer.Option(help="mqtt://host:port or mqtts://host:port")],
    username: Annotated[str | None, typer.Option(help="Name for the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password for the broker.")] = None,
    wait: Annotated[str, typer.Option(help="How long to wait for the node's first answer.")] = "10s",
    follow: Annotated[bool, typer.Option("--follow", help="Go on to the contract's end.")] = False,
) -> None:
    """Send a signed contract, or message about one, and print each state the node reports.

    Exit code 1 if it is refused or nobody answers, and with --follow if the meter does not show it delivered.
    """
    token, wait_s = read_input(signed).strip(), parse_duration(wait)
    try:
        sent = message_of(SignedText(peek(token), "", token, kind_of(token)))
        goal = goal_of(sent, follows=follow)
        address, topics = broker_address(broker), Topics(node)
        password = password_file.read_text(encoding="utf-8").strip() if password_file else None
    except (Refused, ValueError, OSError) as error:
        stop(str(error), BAD_INPUT)
    code = asyncio.run(_send(token, goal, topics, address, (username, password), wait_s))
    raise typer.Exit(code)


@app.command("export", epilog="Example: busbar contract export /etc/busbar/home.toml dso.example:1 --out evidence.zip")
def export(
    config: Annotated[Path, typer.Argument(help="The node's TOML file.", metavar="CONFIG.toml")],
    contract: Annotated[str, typer.Argument(help="The contract's id.", metavar="CONTRACT_ID")],
    out: Annotated[Path, typer.Option(help="The bundle to write; never overwrites one.")],
    statement: Annotated[
        Path | None, typer.Option(help="A statement of settlement to put in (busbar settle --json).")
    ] = None,
    ocmf: Annotated[Path | None, typer.Option(help="Write the site's interval readings as OCMF records too.")] = None,
    ocmf_key: Annotated[Path | None, typer.Option(help="Private key for them: PEM, on secp256r1.")] = None,
) -> None:
    """Write the evidence bundle of a contract, on the node, while it runs or not; see busbar verify."""
    from firmware_py.cli.home import loaded_or_stop
    from firmware_py.evidence.bundle import export_bundle

    if (ocmf is None) != (ocmf_key is None):
        stop("--ocmf and --ocmf-key: both or none are needed", BAD_INPUT)
    loaded = loaded_or_stop(config)
    try:
        export_bundle(loaded, contract, out, datetime.now(UTC), None if statement is None else statement.read_bytes())
        if ocmf is not None and ocmf_key is not None:
            _export_ocmf(out, ocmf, ocmf_key.read_bytes())
    except (Refused, StoreFailed) as fault:
        stop(str(fault), FAULT)
    except (OSError, ValueError) as error:
        stop(f"--out {str(out)!r}: {error}" if isinstance(error, OSError) else str(error), BAD_INPUT)
    print(f"{out}: verify it with busbar verify {out}")


def _export_ocmf(bundle: Path, out: Path, key: bytes) -> None:
    """The interval readings of a bundle, one OCMF record a line."""
    from firmware_py.evidence.archive import unpacked
    from firmware_py.evidence.ocmf_export import as_ocmf
    from firmware_py.evidence.verify import verify

    found = verify(unpacked(bundle), {})
    with out.open("xb") as file:
        file.writelines(record + b"\n" for record in as_ocmf(found.site_intervals(), found.manifest.node, key))


@dataclass(frozen=True, slots=True)
class Goal:
    """Of which contract to hear, what is good news and what bad, and whether to wait for more than the first of it."""

    contract: str
    good: frozenset[State]
    bad: frozenset[State]
    waits: bool

    def code(self, event: ContractEvent) -> int | None:
        """What to end with at this state; None: there is more to come."""
        if event.state is State.EXPIRED and self.waits:
            return 0 if event.outcome is Outcome.DELIVERED else FAULT
        # The same message again is refused, with what was answered the first time.
        state = State(event.answered) if event.answered else event.state
        if state in self.bad:
            return FAULT
        return 0 if state in self.good and not self.waits else None


_ENDS = frozenset({State.REFUSED, State.CANCELLED, State.DEFAULTED})
_ENTERED = frozenset({State.PROPOSED, State.AGREED, State.ACCEPTED})
_ANSWERS = frozenset({State.AMENDED, State.CALLED, State.APPROVED, State.SETTLED}) | _ENTERED


def goal_of(sent: Contract | Action, *, follows: bool) -> Goal:
    match sent:
        case Cancel() | Default():
            return Goal(sent.contract, frozenset({State.CANCELLED, State.DEFAULTED}), frozenset({State.REFUSED}), False)
        case Approve(verdict="refused"):
            return Goal(sent.contract, frozenset({State.REFUSED}), frozenset(), False)
        case Supersede() | Counter():
            return Goal(sent.terms.id, _ENTERED, _ENDS, follows)
        case Amend() | Accept() | Approve() | Call() | Settle():
            return Goal(sent.contract, _ANSWERS, _ENDS, follows)
        case _:
            return Goal(sent.id, _ENTERED, _ENDS, follows)


async def _send(
    token: bytes,
    goal: Goal,
    topics: Topics,
    address: tuple[str, int, bool],
    login: tuple[str | None, str | None],
    wait_s: float,
) -> int:
    host, port, tls = address
    parameters = aiomqtt.TLSParameters() if tls else None
    try:
        async with (
            aiomqtt.Client(host, port, username=login[0], password=login[1], tls_params=parameters) as client,
            asyncio.timeout(wait_s) as waiting,
        ):
            await client.subscribe(topics.ack, qos=1)
            await client.publish(topics.contract_in, token, qos=1)
            return await _until_said(client, goal, waiting if goal.waits else None)
    except TimeoutError:
        print(f"busbar: node {topics.node} did not answer within {wait_s:g} s", file=sys.stderr)
    except aiomqtt.MqttError as error:
        print(f"busbar: broker {host}:{port}: {error}", file=sys.stderr)
    return FAULT


async def _until_said(client: aiomqtt.Client, goal: Goal, waiting: asyncio.Timeout | None) -> int:
    """Print each state up to the answer; with a time-out, which the first answer lifts, up to the contract's end."""
    is_accepted = False
    async for message in client.messages:
        event = _event(bytes(message.payload))
        if event is None or event.contract not in (goal.contract, None):
            continue
        # Once it is accepted, a refusal is that of another message about it.
        if is_accepted and event.state is State.REFUSED:
            continue
        is_accepted = is_accepted or State.ACCEPTED in (event.state, event.answered)
        if waiting is not None:
            waiting.reschedule(None)
        answered = f"answered {event.answered} before" if event.answered else ""
        words = (event.contract or "-", event.state, event.reason, event.why, event.outcome, answered)
        print(" ".join(word for word in words if word), flush=True)
        if (code := goal.code(event)) is not None:
            return code
    return FAULT


def _event(payload: bytes) -> ContractEvent | None:
    try:
        record = msgspec.json.decode(payload, type=Journalled).record
        return msgspec.json.decode(record, type=ContractEvent)
    except msgspec.DecodeError:
        return None
