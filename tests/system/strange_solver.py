"""A solver's process that misbehaves by order: `python -m tests.system.strange_solver PARENT [offers]`."""

import os
import time
from pathlib import Path

from controller.planning.plan import Plan
from controller.planning.planner import Planner, SolverFailed
from controller.planning.site import Site
from firmware_py.home.planning import work


class Strange:
    """Plans as it should, and otherwise as HOW says: where the site has a note of that word."""

    def __init__(self) -> None:
        self._planner = Planner()

    def plan(self, site: Site, budget_s: float, exact_s: float) -> Plan:
        """The plan, or a mishap."""
        match site.notes:
            case ("hang",):
                if "HANGS" in os.environ:
                    Path(os.environ["HANGS"]).touch()
                time.sleep(600.0)
            case ("die",):
                os._exit(3)
            case ("print",):
                print("something that a library says on stdout", flush=True)
            case ("fail",):
                raise SolverFailed("no way")
            case _:
                pass
        return self._planner.plan(site, budget_s, exact_s)


if __name__ == "__main__":
    work.serve(Strange)
