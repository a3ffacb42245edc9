"""The words of films about grid limits: what the operator does, and what was said of it."""

from datetime import timedelta
from typing import Any

import msgspec

from protocols.contracts import Limit
from protocols.contracts import Step as Turn
from protocols.limits import Failsafe, Heartbeat, LimitRecord, Told, Use, Write
from protocols.messages import Why
from protocols.signing import LIMIT, sign
from tests.scenarios.keys import private_key
from tests.scenarios.stage import EPOCH, NODE, Setup, Stage, Step, signed

GUARD = """
[[grid_limit]]
kind = "guard"
name = "lpc"
issuer = "dso"
use = "consumption"
failsafe_w = 4200

[[grid_limit]]
kind = "guard"
name = "lpp"
issuer = "dso"
use = "production"
failsafe_w = 10000
"""
RELAY = """
[[grid_limit]]
kind = "contacts"
name = "14a"
contact = [{ line = "DIMMED", import_limit_w = 4200 }]
"""
RIPPLE = """
[[grid_limit]]
kind = "contacts"
name = "ripple"
contact = [
  { line = "R60", export_limit_w = 3000 },
  { line = "R30", export_limit_w = 1500 },
  { line = "R0", export_limit_w = 0 },
]
"""
GUARDED, RELAYED, RIPPLED = Setup(limits=GUARD), Setup(limits=RELAY), Setup(limits=RIPPLE)


def tells(kind: type[Told], by: str = "dso", key: str | None = None, aged_s: float = 0.0, **said: object) -> Step:
    """A guard sends a message; `key` another signs it, `aged_s` makes it old."""

    def step(stage: Stage) -> None:
        stage.guard_seq += 1
        at = stage.clock.utc() - timedelta(seconds=aged_s)
        named: dict[str, Any] = {"iss": by, "aud": NODE, "seq": stage.guard_seq, "at": at, **said}
        token = sign(msgspec.json.encode(kind(**named)), private_key(key or by), LIMIT)
        stage.told.append(token)
        stage.broker.publish(stage.topics.limit_in, token)

    return step


beats = tells(Heartbeat)


def limits(use: Use, limit_w: float | None, duration_s: float | None = None) -> Step:
    """The guard writes a limit."""
    return tells(Write, use=use, limit_w=limit_w, duration_s=duration_s)


def sets_failsafe(use: Use, limit_w: float, duration_s: float = 7200.0) -> Step:
    return tells(Failsafe, use=use, limit_w=limit_w, duration_s=duration_s)


def contacts(*stand: bool) -> Step:
    """How the operator's contacts stand from now on; none: they cannot be read."""
    return lambda stage: setattr(stage.contacts, "stand", stand or None)


def repeats_the_last(stage: Stage) -> None:
    """A message that was sent before comes again."""
    stage.broker.publish(stage.topics.limit_in, stage.told[-1])


def refuses(*reasons: str) -> Step:
    """These messages of a guard were refused, from the beginning."""

    def step(stage: Stage) -> None:
        found = [each.refused for each in stage.head_end.limit_refusals]
        assert found == list(reasons), f"refused {stage.head_end.limit_refusals}"

    return step


def in_force(source: str, state: str, import_w: float | None = None, export_w: float | None = None) -> Step:
    """The newest explanation names this limit."""

    def step(stage: Stage) -> None:
        told = now(stage)
        found = next(each for each in told.limits if each.source == source)
        assert (found.state, found.import_limit_w, found.export_limit_w) == (state, import_w, export_w), found

    return step


def now(stage: Stage) -> Why:
    """The node's own newest explanation."""
    told = stage.node.why
    assert told is not None
    return told


def contract_bound_by(source: str) -> Step:
    """The node's newest explanation says who stands in the contract's way."""

    def step(stage: Stage) -> None:
        found = [each.by for each in now(stage).overruled if each.source == "contract"]
        assert found == [source], now(stage)

    return step


def history(stage: Stage, source: str) -> list[LimitRecord]:
    """What was recorded of a source, whole pieces only."""
    return [each for each in stage.head_end.limits if each.source == source and each.until is not None]


def sends_envelope(
    *steps: tuple[float, float | None, float | None],
    start_s: float,
    end_s: float,
    default: tuple[float | None, float | None] = (None, None),
    by: str = "dso",
    **terms: object,
) -> Step:
    """An operator sends an operating envelope; each step is (second, import limit, export limit)."""

    def step(stage: Stage) -> None:
        stage.last_seq[by] += 1
        number = stage.last_seq[by]
        schedule = tuple(Turn(EPOCH + timedelta(seconds=at_s), *caps) for at_s, *caps in steps)
        named: dict[str, Any] = {"id": f"{by}-{number}", "seq": number, "iss": by, "aud": NODE, **terms}
        stage.send(
            signed(
                Limit(
                    start=EPOCH + timedelta(seconds=start_s),
                    end=EPOCH + timedelta(seconds=end_s),
                    schedule=schedule,
                    default_import_w=default[0],
                    default_export_w=default[1],
                    **named,
                )
            )
        )

    return step
