"""What comes after a price event: `PYTHONPATH=. python -m bench.rebound [--seeds N] [--first N] [--homes N] [--kind WORD]`.

Of each kind of load two lines: the law alone (`bench.rebound_law`) and the home's own chain with it (`bench.rebound_chain`).
Printed: the highest power (mean of 5 min) from the event's end on, over the highest without the event in the same hours, and
kelvin-hours outside of the owner's bounds per home, with those without the event.
"""

import argparse
from collections.abc import Sequence

from bench import rebound_chain, rebound_law
from bench.machine import machine
from bench.rebound_law import Found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.rebound", description=__doc__)
    parser.add_argument("--homes", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--kind", default="", help="a word of it")
    options = parser.parse_args(argv)
    print(machine())
    print(f"  {options.homes} homes, highest power after the event over that without it (at most +5 %)")
    for kind in (each for each in rebound_law.KINDS if options.kind in each):
        for seed in range(options.first, options.first + options.seeds):
            print(_line(kind, seed, "law", rebound_law.measured(kind, options.homes, seed)), flush=True)
            print(_line(kind, seed, "chain", rebound_chain.measured(kind, options.homes, seed)), flush=True)


def _line(kind: str, seed: int, what: str, found: Found) -> str:
    return (
        f"  {kind:24} seed {seed} {what:5}: at once {found.naive * 100:+6.1f} %, each by itself {found.ours * 100:+5.1f} %;"
        f" event draws {found.saved * 100:.0f} % less; outside {found.outside_kh:.4f} Kh a home"
        f" (without event {found.base_outside_kh:.4f})"
    )


if __name__ == "__main__":
    main()
