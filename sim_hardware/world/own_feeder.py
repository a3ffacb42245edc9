"""A feeder out of a world file's own tables: `[[feeder.bus]]`, `[[feeder.line]]`, `[[feeder.transformer]]`."""

from collections.abc import Iterator, Sequence
from typing import Final

from protocols.mistakes import Mistake, did_you_mean, shown
from sim_hardware.physics.feeder import Bus, Feeder, Line, SequenceCable, Source, Transformer
from sim_hardware.world.feeder_part import FeederPart, LinePart, TransformerPart

TABLES: Final = ("bus", "line", "transformer")


def own_mistakes(part: FeederPart) -> list[Mistake]:
    """Every mistake in the tables; none where the feeder is of another kind."""
    if part.kind != "own":
        return []
    mistakes = [
        *_source(part),
        *_twice(part),
        *_ends("line", part.line, part),
        *_ends("transformer", part.transformer, part),
    ]
    if mistakes:
        return mistakes
    try:
        own_feeder(part)
    except ValueError as error:  # what the feeder itself says names element, value and what is allowed
        return [Mistake("feeder", '"own"', str(error))]
    return []


def own_feeder(part: FeederPart) -> Feeder:
    """The feeder, without sites; ValueError as `Feeder` has it."""
    return Feeder(
        buses=tuple(Bus(bus.name, bus.voltage_v) for bus in part.bus),
        lines=tuple(_line(each) for each in part.line),
        transformers=tuple(_transformer(each) for each in part.transformer),
        source=Source(bus=part.source_bus or ""),
    )


def _source(part: FeederPart) -> Iterator[Mistake]:
    names = [bus.name for bus in part.bus]
    if not names:
        yield Mistake("feeder.bus", "(absent)", "at least one [[feeder.bus]] must be there")
    elif part.source_bus is None:
        yield Mistake("feeder.source_bus", "(absent)", f"the bus of the grid above must be there: {', '.join(names)}")
    elif part.source_bus not in names:
        yield Mistake(
            "feeder.source_bus", shown(part.source_bus), f"no such bus; {did_you_mean(part.source_bus, names)}"
        )


def _twice(part: FeederPart) -> Iterator[Mistake]:
    for table in TABLES:
        names = [row.name for row in getattr(part, table)]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Mistake(f"feeder.{table}.{index}.name", shown(name), "stands twice; names must differ")


def _ends(table: str, rows: Sequence[LinePart | TransformerPart], part: FeederPart) -> Iterator[Mistake]:
    names = [bus.name for bus in part.bus]
    for index, row in enumerate(rows):
        for end in ("from_bus", "to_bus"):
            bus = getattr(row, end)
            if names and bus not in names:
                wrong = f"no such bus for {table} {row.name}; {did_you_mean(bus, names)}"
                yield Mistake(f"feeder.{table}.{index}.{end}", shown(bus), wrong)


def _line(part: LinePart) -> Line:
    cable = SequenceCable(
        r1_ohm_per_km=part.r1_ohm_per_km,
        x1_ohm_per_km=part.x1_ohm_per_km,
        r0_ohm_per_km=part.r0_ohm_per_km,
        x0_ohm_per_km=part.x0_ohm_per_km,
    )
    return Line(
        name=part.name,
        from_bus=part.from_bus,
        to_bus=part.to_bus,
        length_m=part.length_m,
        cable=cable,
        rating_a=part.rating_a,
    )


def _transformer(part: TransformerPart) -> Transformer:
    return Transformer(
        name=part.name,
        from_bus=part.from_bus,
        to_bus=part.to_bus,
        power_va=part.power_va,
        high_v=part.high_v,
        low_v=part.low_v,
        short_circuit_pu=part.short_circuit_pu,
        copper_loss_w=part.copper_loss_w,
        iron_loss_w=part.iron_loss_w,
        clock=5,
        tap=part.tap,
        tap_least=part.tap_least,
        tap_most=part.tap_most,
        tap_step_pu=part.tap_step_pu,
    )
