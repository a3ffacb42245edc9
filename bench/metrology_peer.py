"""pqopen-lib over the same samples; run by the Python of an environment that has it (`metrology.py --peer`), not by ours.

    PEER_PYTHON bench/metrology_peer.py SAMPLES.npz BLOCK

Prints CPU seconds.
"""

import sys
import time

import numpy as np
from daqopen.channelbuffer import AcqBuffer
from pqopen.powersystem import PowerSystem


def once(u: np.ndarray, i: np.ndarray, rate: float, block: int) -> float:
    """CPU seconds for all samples: three phases, harmonics and fluctuation."""
    volts, amperes = [AcqBuffer() for _ in range(3)], [AcqBuffer() for _ in range(3)]
    system = PowerSystem(zcd_channel=volts[0], input_samplerate=rate, zcd_threshold=0.1)
    for voltage, current in zip(volts, amperes, strict=True):
        system.add_phase(u_channel=voltage, i_channel=current)
    system.enable_harmonic_calculation(num_harmonics=50)
    clock = AcqBuffer(dtype=np.int64)
    system.enable_nper_abs_time_sync(clock)
    system.enable_fluctuation_calculation(nominal_voltage=230)
    began = time.process_time()
    for begin in range(0, u.shape[1], block):
        clock.put_data((np.arange(begin, begin + block) * 1e6 / rate).astype(np.int64))
        for k in range(3):
            volts[k].put_data(u[k, begin : begin + block])
            amperes[k].put_data(i[k, begin : begin + block])
        system.process()
    return time.process_time() - began


if __name__ == "__main__":
    stored = np.load(sys.argv[1])
    print(once(stored["u"], stored["i"], float(stored["fs"]), int(sys.argv[2])))
