"""The certificate of a run: what was looked at, on which device, and a hash over every reading and every finding."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version

import msgspec

from firmware_py.conform.checks import Check, Result, Sample
from protocols.ports import Nameplate


class Certificate(msgspec.Struct, frozen=True):
    """`transcript` is the readings and then the checks as JSON lines; `sha256` is the hash of those lines, joined by newlines."""

    made_by: str
    made_at: str
    url: str
    unit: int
    model: str
    maker: str
    product: str
    serial: str
    firmware: str
    lacks: tuple[str, ...]
    checks: list[dict[str, str]]
    conforms: bool
    sha256: str
    transcript: list[str]


def certify(
    where: tuple[str, int, str], made_at: str, plate: Nameplate, checks: Sequence[Check], samples: Sequence[Sample]
) -> Certificate:
    """The certificate of a device at (url, unit) under a model's name."""
    url, unit, model = where
    began_s = samples[0].at_s if samples else 0.0
    lines = [
        msgspec.json.encode({"at_s": round(sample.at_s - began_s, 3), **sample.values}).decode() for sample in samples
    ]
    lines += [msgspec.json.encode(asdict(each)).decode() for each in checks]
    return Certificate(
        made_by=f"busbar {version('busbar')}",
        made_at=made_at,
        url=url,
        unit=unit,
        model=model,
        maker=plate.maker,
        product=plate.model,
        serial=plate.serial,
        firmware=plate.firmware,
        lacks=plate.lacks,
        checks=[asdict(each) for each in checks],
        conforms=not any(each.result is Result.FAILED for each in checks),
        sha256=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        transcript=lines,
    )
