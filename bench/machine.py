"""On what a measurement was made."""

import os
import platform
from pathlib import Path

import numpy as np


def machine() -> str:
    """Processor, versions and how busy it is, in one line."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    return f"{_cpu()}, {os.cpu_count()} cores, load {load}, {versions}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
