"""What anybody can send without a key must not fill the journal: some of it is recorded, the rest is counted."""


class Flood:
    """Lets `burst` through at once and then one every `every_s`; what is held back is told with the next one."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._burst, self._every_s = burst, every_s
        self._left, self._at_s = float(burst), 0.0
        self._held = 0

    def passes(self, now_s: float) -> int | None:
        """How many were held back since the last one that passed; None where this one is held back too."""
        self._left = min(self._burst, self._left + (now_s - self._at_s) / self._every_s)
        self._at_s = now_s
        if self._left < 1.0:
            self._held += 1
            return None
        self._left -= 1.0
        held, self._held = self._held, 0
        return held
