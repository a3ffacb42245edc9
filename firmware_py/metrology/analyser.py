"""The analyser: blocks of samples in, results out, the same for every cut of the same samples."""

import numpy as np

from firmware_py.metrology.results import Config, Results


class Analyser:
    """Feed it samples; it answers with what became complete, 0.2 to 0.5 s later. Not thread-safe."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def feed(self, voltage_v: np.ndarray, current_a: np.ndarray) -> Results:
        """Take (3, n) volts and (3 or 4, n) amperes, n >= 0, of the instants after those fed before.

        NaN is a missing sample. Raises MistakenBlock on a wrong shape. Keeps no reference to its arguments.
        """
        raise NotImplementedError
