"""A foreign simulator in 40 lines: it grants the time step by step and plays a street whose voltage follows the home.

    busbar hil lock examples/home.toml --listen tcp://127.0.0.1:5599 --step 1s --record street.tape
    python examples/lockstep_simulator.py 127.0.0.1 5599 600

Nothing but sockets and JSON, so that it can be copied into any language; the frames are explained in docs/hil.md.
"""

import json
import math
import socket
import sys

SOURCE_V, OHM = 235.0, 0.3  # the street: a source behind a resistance


def main(host: str, port: int, steps: int) -> None:
    with socket.create_connection((host, port)) as line, line.makefile("rw", encoding="utf-8") as stream:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        step_s = json.loads(stream.readline())["step_s"]
        grid_w, overruns, worst_us = 0.0, 0, 0
        for step in range(1, steps + 1):
            t_s = step * step_s
            values = {
                "grid.voltage_v": SOURCE_V - OHM * grid_w / 3 / SOURCE_V,
                "load.power_w": 900.0 + 600.0 * math.sin(t_s / 60.0),
                "pv.irradiance_w_m2": 300.0,
            }
            stream.write(json.dumps({"step": step, "t_s": t_s, "values": values}) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
            if "error" in answer:
                sys.exit(answer["error"])
            grid_w = answer["values"]["grid.power_w"]
            overruns += answer["overrun"]
            worst_us = max(worst_us, answer["took_us"])
            for written in answer["written"]:
                print(
                    f"{t_s:8.1f} s: {written['device']} was told {written['setpoint_w']} W, reads {written['readback_w']}"
                )
    print(f"{steps} steps, {overruns} overruns, the slowest took {worst_us} us, {grid_w:.0f} W at the end")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
