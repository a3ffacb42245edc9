"""Writes docs/fault-matrix.md: each fault word on each face, run and recorded. Run: PYTHONPATH=. .venv/bin/python docs/fault_matrix.py"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.system.fault_matrix import SCENES, TRUTH, label, memory, rtu, tcp
from tests.system.fault_matrix_push import mqtt, p1

HEAD = """# What a client sees of each fault

Made by `docs/fault_matrix.py` from recorded traces; `tests/system/test_fault_matrix.py` runs them again and compares.
A client asks twice after the fault began, 0.4 s for each; what it sees changes between the two where it says "then".
Between two requests the device's voltage and power change, so that an old answer is told from a new one.
"-": the word cannot strike there. The bus in memory stands for a correct driver, so it reports faults by name.
`clock_jump` also moves a node's own wall clock on virtual time (`sim_hardware.fault_script.clock_jumps`), see
[clock-faults.md](clock-faults.md). SML and DLMS pushes go the way of P1.
"""
FACES = ("memory bus", "Modbus TCP", "Modbus RTU, pty", "P1 push", "MQTT plug")


def row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def main() -> None:
    table = row(["word", *FACES]) + row(["---"] * (1 + len(FACES)))
    traces = "\n## Traces on Modbus TCP and RTU\n"
    for word, argument in SCENES:
        wires = [asyncio.run(face(word, argument)) for face in (tcp, rtu)]
        seen = [memory(word, argument)[0], *(said for said, _ in wires), p1(word, argument)[0], mqtt(word, argument)[0]]
        table += row([f"`{label(word, argument)}`", *("-" if each == TRUTH else each for each in seen)])
        lines = [line for _, trace in wires for line in (*trace, "")]
        traces += f"\n`{label(word, argument)}`\n```\n" + "\n".join(lines).rstrip() + "\n```\n"
    (Path(__file__).parent / "fault-matrix.md").write_text(f"{HEAD}\n{table}{traces}")


if __name__ == "__main__":
    main()
