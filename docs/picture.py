"""Draws docs/demo.svg: the demo's table as it stands in the middle of its contract. Run: .venv/bin/python docs/picture.py"""

import asyncio
import re
from io import StringIO
from pathlib import Path

from rich.console import Console

from firmware_py.demo.run import Stage, run_demo
from firmware_py.demo.screen import screen

WIDTH = 104


async def main() -> None:
    console = Console(record=True, width=WIDTH, file=StringIO())
    frames = []

    def keep(stage: Stage) -> None:
        if stage.node.why is not None and stage.node.why.set_by == "contract":
            frames.append(screen(stage.node, list(stage.head_end.events)))

    await run_demo(20.0, None, keep)
    console.print(frames[-1])
    svg = console.export_svg(title="make demo")
    # The picture must not ask anybody for a font.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (Path(__file__).parent / "demo.svg").write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE))


if __name__ == "__main__":
    asyncio.run(main())
