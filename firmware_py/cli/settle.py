"""`busbar settle`: the arithmetic of a contract, from two CSV files, for anybody who wants to check it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from controller.settlement.series import Span, utc
from controller.settlement.shares import Call
from controller.settlement.statement import Row, Statement, settled
from controller.settlement.tables import read_series
from firmware_py.cli.options import BAD_INPUT, FAULT, Json, stop
from protocols.contracts import Contract, parse_contract
from protocols.faults import Refused
from protocols.settlement import METHODS, SettlementTerms
from protocols.signing import key_id, open_signed, peek

_COLUMNS: Final = ("metered_wh", "baseline_wh", "target_wh", "ordered_wh", "delivered_wh", "deficiency_wh", "payment")

_WIDTH: Final = 160
Beside = Annotated[
    list[Path] | None,
    typer.Option(
        help="Another contract on energy that was open at the same time: shares what was missed.",
        show_default=False,
    ),
]
Calls = Annotated[
    list[str] | None,
    typer.Option(help="What was called of an option: START,END,CHANGE_W (RFC 3339, W).", show_default=False),
]


def settle(
    contract: Annotated[
        Path, typer.Option(help="The contract: signed (a compact JWS), or its terms as JSON.", show_default=False)
    ],
    readings: Annotated[
        Path, typer.Option(help="CSV of interval readings of the connection point.", show_default=False)
    ],
    baseline: Annotated[
        Path | None, typer.Option(help="CSV of the nomination, for method nomination.", show_default=False)
    ] = None,
    method: Annotated[
        str | None, typer.Option(help=f"{', '.join(METHODS)}; where the contract does not say.", show_default=False)
    ] = None,
    term: Annotated[
        list[str] | None,
        typer.Option(help="A term of settlement the contract does not hold: price_per_kwh=0.25", show_default=False),
    ] = None,
    beside: Beside = None,
    call: Calls = None,
    key: Annotated[
        Path | None, typer.Option(help="The issuer's public key: check the contract's signature.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Settle a contract: delivered energy, deviation and payment, for each interval and in sum.

    Two CSV files and a contract are all it takes. READINGS, and for method nomination BASELINE, have the columns

      start, end    RFC 3339 with a zone: 2026-06-21T10:00:00Z or 2026-06-21T12:00:00+02:00

      energy_wh     net energy of the interval in Wh, import positive;
                    or energy_import_wh and energy_export_wh, both positive

      quality       optional; whatever is not "good" is doubtful

    For the methods x_of_y and meter_before_after the readings reach back to before the contract: the baseline comes from
    them. Prices stand in the contract's "settlement" (signed with it), or are given with --method and --term: price_per_kwh and
    penalty_per_kwh (currency per kWh), price_per_interval (method limit), interval_s (s), time_zone, days_x, days_y …;
    docs/settlement.md has them all, the formulas, and an example worked by hand.

    An interval whose reading is missing, doubtful or crosses its edge is left unsettled: nothing is paid or taken for
    it, and the statement says why; the exit code is then 1. 0: every interval is settled. 2: the input cannot be used.
    """
    try:
        terms_of = _contract(contract, key)
        terms = _terms(terms_of, method, term or [])
        series = read_series(_text(readings), str(readings))
        nomination = None if baseline is None else read_series(_text(baseline), str(baseline))
        others = [_contract(path, key) for path in beside or []]
        statement = settled(terms_of, terms, series, nomination, others, [_call(word) for word in call or []])
    except (ValueError, Refused) as error:
        stop(str(error), BAD_INPUT)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(statement)).decode())
    else:
        show(statement)
    raise typer.Exit(0 if statement.totals.settled == statement.totals.intervals else FAULT)


def _call(word: str) -> Call:
    try:
        start, end, change_w = word.split(",")
        return Call(Span(utc(datetime.fromisoformat(start)), utc(datetime.fromisoformat(end))), float(change_w))
    except ValueError as error:
        raise ValueError(f"--call {word}: START,END,CHANGE_W is needed: {error}") from error


def _contract(path: Path, key: Path | None) -> Contract:
    """The contract of a file; only with a key is its signature looked at."""
    raw = _text(path).strip().encode()
    if key is not None:
        text = _text(key)
        return parse_contract(open_signed(raw, {key_id(text): text}).payload)
    return parse_contract(raw if raw.startswith(b"{") else peek(raw))


def _terms(contract: Contract, method: str | None, extra: list[str]) -> SettlementTerms:
    """The terms of settlement: the contract's own, or those of the command line where it has none."""
    if contract.settlement is not None:
        if method is not None or extra:
            raise ValueError(
                f"contract {contract.id} says itself how it is settled: --method and --term are not allowed"
            )
        return contract.settlement
    if method is None:
        raise ValueError(f"contract {contract.id} does not say how it is settled: --method {' or '.join(METHODS)}")
    given: dict[str, object] = {"method": method}
    for word in extra:
        name, _, value = word.partition("=")
        given[name] = value.split(",") if name == "exclude" else _word(value)
    try:
        return msgspec.convert(given, SettlementTerms, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"--method {method} {' '.join(extra)}: {error}") from error


def _word(value: str) -> str | bool:
    return {"true": True, "false": False}.get(value, value)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: must be text in UTF-8: {error}") from error


def show(statement: Statement) -> None:
    """The statement as a table for people."""
    totals, terms = statement.totals, statement.terms
    console = Console()
    console.width = max(console.width, _WIDTH)  # a figure is never cut, least of all in a file
    title = f"{statement.contract}: {terms.method}, {statement.start} to {statement.end} (Wh, import positive)"
    table = Table(title=title, title_justify="left", show_footer=True, box=None, pad_edge=False)
    table.add_column("start", "sum", no_wrap=True)
    for column in _COLUMNS:
        table.add_column(column.removesuffix("_wh"), f"{getattr(totals, column, '')}", justify="right", no_wrap=True)
    for row in statement.rows:
        table.add_row(*_cells(row))
    console.print(table, soft_wrap=True)
    for row in statement.rows:
        if row.why and row.state == "unsettled":
            console.print(f"unsettled {row.start}: {row.why}", soft_wrap=True)
    for line in statement.basis:
        console.print(f"rests on: {line}", soft_wrap=True)
    console.print(
        f"{totals.settled} of {totals.intervals} intervals settled; amount due {totals.amount_due} {terms.currency}"
        f" (exactly {totals.payment})",
        soft_wrap=True,
    )


def _cells(row: Row) -> tuple[str, ...]:
    figures = (getattr(row, column) for column in _COLUMNS)
    return (row.start.replace(".000Z", "Z"), *("-" if figure is None else f"{figure}" for figure in figures))
