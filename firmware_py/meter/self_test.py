"""What the meter finds out about itself, at its start and when it is asked: each check has a name and says what it saw."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from firmware_py.meter.calibration import Calibration
from firmware_py.meter.measure import Window
from protocols.contracts import utc_text
from protocols.faults import StoreFailed
from protocols.ocmf_writing import TimeStatus
from protocols.ports import Clock, Journal

# Whole hours of journal at any period; less is a disk about to be full.
FREE_LEAST_BYTES: Final = 50 * 1024 * 1024
# A converter's own clock is good to 100 ppm; a wrong setting of it is off by far more.
_RATE_RATIO: Final = 0.01
_RATE_AFTER_S: Final = 4.0
_SILENT_AFTER_S: Final = 2.0
# A grid is within 15 % (EN 50160); beyond half and one and a half times it is the reference, a ratio or a wire.
_VOLTAGE_RATIOS: Final = (0.5, 1.5)
_KEY: Final = "self_test"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    is_good: bool
    said: str


def summary(checks: Sequence[Check]) -> str:
    """All of it in a sentence: what is not good by name."""
    bad = [f"{check.name}: {check.said}" for check in checks if not check.is_good]
    return f"{len(checks) - len(bad)} of {len(checks)} good{'; ' if bad else ''}{'; '.join(bad)}"


@dataclass(slots=True)
class InputSeen:
    """What came in since the source last (re)started."""

    fs_hz: float
    nominal_v: float
    begun_s: float | None = None
    came_s: float = 0.0
    fed: int = 0
    last: Window | None = None
    last_s: float | None = None

    def restarted(self) -> None:
        """The source begins anew."""
        self.begun_s, self.fed, self.last, self.last_s = None, 0, None, None

    def samples(self, count: int, now_s: float) -> None:
        """So many samples more have come in."""
        if self.begun_s is None:
            self.begun_s = now_s
        else:
            self.fed += count
        self.came_s = now_s

    def window(self, window: Window, now_s: float) -> None:
        """A window was measured."""
        self.last, self.last_s = window, now_s

    def checks(self, now_s: float) -> list[Check]:
        """The converter: alive, its rate, and whether what it measures can be."""
        return [self._alive(now_s), self._rate(), self._plausible(), self._faults()]

    def _alive(self, now_s: float) -> Check:
        if self.last_s is None:
            return Check("input", False, "nothing was measured yet")
        age_s = now_s - self.last_s
        return Check("input", age_s < _SILENT_AFTER_S, f"measured {age_s:.1f} s ago")

    def _rate(self) -> Check:
        if self.begun_s is None or self.came_s - self.begun_s < _RATE_AFTER_S:
            return Check("sample_rate", False, f"less than {_RATE_AFTER_S:g} s of samples")
        rate_hz = self.fed / (self.came_s - self.begun_s)
        is_good = abs(rate_hz / self.fs_hz - 1.0) <= _RATE_RATIO
        return Check("sample_rate", is_good, f"{rate_hz:.1f} Hz of {self.fs_hz:g} Hz")

    def _plausible(self) -> Check:
        values = {} if self.last is None else self.last.values
        volts = [volt for n in (1, 2, 3) if (volt := values.get(f"voltage_l{n}_v")) is not None]
        least, most = (ratio * self.nominal_v for ratio in _VOLTAGE_RATIOS)
        is_good = bool(volts) and max(volts) >= least and all(volt <= most for volt in volts)
        return Check("reference", is_good, " ".join(f"{volt:.1f} V" for volt in volts) or "no voltage")

    def _faults(self) -> Check:
        faults = () if self.last is None else self.last.faults
        return Check("channels", not faults, ", ".join(map(str, faults)) or "no fault")


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Everything that is looked at. `calibration_now` reads the constants anew, `free_bytes` asks the disk."""

    journal: Journal
    clock: Clock
    input: InputSeen
    status: Callable[[], TimeStatus]
    log_trouble: Callable[[], str | None]
    calibration: Calibration
    calibration_now: Callable[[], Calibration]
    free_bytes: Callable[[], int]
    key: ec.EllipticCurvePrivateKey | None = None
    free_least_bytes: int = FREE_LEAST_BYTES

    async def run(self) -> list[Check]:
        """All checks, in their order; none of them raises for what it is there to find."""
        return [
            *self.input.checks(self.clock.now_s()),
            await self._storage(),
            self._disk(),
            self._constants(),
            self._keys(),
            self._clock(),
            self._log(),
        ]

    async def _storage(self) -> Check:
        word = utc_text(self.clock.utc()).encode()
        try:
            await self.journal.keep(_KEY, word)
            is_good = await self.journal.kept(_KEY) == word
        except StoreFailed as fault:
            return Check("storage", False, str(fault))
        return Check("storage", is_good, "written and read back" if is_good else "reads back something else")

    def _disk(self) -> Check:
        free, least = self.free_bytes(), self.free_least_bytes
        return Check("disk", free >= least, f"{free // 2**20} MiB free of {least // 2**20} MiB needed")

    def _constants(self) -> Check:
        try:
            now = fingerprint(self.calibration_now())
        except StoreFailed as fault:
            return Check("calibration", False, str(fault))
        used = fingerprint(self.calibration)
        if now != used:
            return Check(
                "calibration", False, f"the file holds {now[:12]}, in force is {used[:12]}: it was changed since"
            )
        return Check("calibration", True, used[:12] if self.calibration else "none: nominal constants")

    def _keys(self) -> Check:
        if self.key is None:
            return Check("key", True, "none for readings: they are not signed")
        try:
            self.key.public_key().verify(
                self.key.sign(b"self-test", ec.ECDSA(SHA256())), b"self-test", ec.ECDSA(SHA256())
            )
        except InvalidSignature:
            return Check("key", False, "what it signs does not verify")
        return Check("key", True, "signs and verifies")

    def _clock(self) -> Check:
        status = self.status()
        return Check("clock", status is not TimeStatus.UNKNOWN, f"status {status}")

    def _log(self) -> Check:
        trouble = self.log_trouble()
        return Check("log", trouble is None, trouble or "chain is whole")


def fingerprint(settings: object) -> str:
    """The SHA-256 of settings, whatever the order of their keys."""
    return hashlib.sha256(msgspec.json.encode(settings, order="deterministic", enc_hook=str)).hexdigest()
