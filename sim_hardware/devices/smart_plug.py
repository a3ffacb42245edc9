"""A metering plug that speaks MQTT in the manner of Tasmota: telemetry under tele/, commands under cmnd/, answers under stat/.

Source: tasmota.github.io/docs ("MQTT", "Commands"): topics cmnd/stat/tele, LWT Online/Offline, tele/.../SENSOR with ENERGY,
        answers in stat/.../RESULT. Payload keys as in public recordings; firmware version not followed: unverified in detail.
        A plug with a Dimmer is a stand-in for any load with a setpoint; real plugs only switch.
Choice: switched on or off survives a reboot (Tasmota's default for PowerOnState), Dimmer and TelePeriod do not; Time is UTC.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from protocols.ports import Message

TELE_PERIOD_S: Final = 300
TELE_PERIOD_LEAST_S, TELE_PERIOD_MOST_S = 10, 3600
VOLTAGE_V: Final = 230.0
ONLINE, OFFLINE = b"Online", b"Offline"
SWITCHES: Final = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class PlugReading:
    """What the plug measures at one instant."""

    utc: datetime
    power_w: float
    voltage_v: float
    energy_wh: float

    def drifted(self, share: float) -> "PlugReading":
        """As a current sensor shows it that reads a share too much."""
        return replace(self, power_w=self.power_w * (1.0 + share))

    def blank(self) -> "PlugReading":
        """Before anything was measured."""
        return PlugReading(self.utc, 0.0, 0.0, 0.0)


class SmartPlug:
    """A load of `load_w` behind a switch and a dimmer; `utc` is the plug's own wall clock."""

    def __init__(self, topic: str, utc: Callable[[], datetime], *, load_w: float = 100.0) -> None:
        if not topic or any(each in topic for each in "/+#"):
            raise ValueError(f"plug topic {topic!r}: one level, not empty, without wildcards")
        self.topic, self.load_w = topic, load_w
        self.is_on, self.dimmer_percent, self.period_s = True, 100, TELE_PERIOD_S
        self.voltage_v, self.energy_wh = VOLTAGE_V, 0.0
        self._utc = utc

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The topics on which it takes orders."""
        return (f"cmnd/{self.topic}/#",)

    @property
    def lwt(self) -> str:
        """The retained topic that says whether it is there."""
        return f"tele/{self.topic}/LWT"

    @property
    def power_w(self) -> float:
        """What it lets through."""
        return self.load_w * self.dimmer_percent / 100.0 if self.is_on else 0.0

    def after(self, dt_s: float) -> None:
        """Count the energy."""
        self.energy_wh += self.power_w * dt_s / 3600.0

    def restart(self) -> None:
        """Forget what was not saved."""
        self.dimmer_percent, self.period_s = 100, TELE_PERIOD_S

    def reading(self) -> PlugReading:
        """What it measures now."""
        return PlugReading(self._utc(), self.power_w, self.voltage_v, self.energy_wh)

    def sensor(self, reading: PlugReading) -> Message:
        """The telemetry of a reading."""
        current_a = reading.power_w / reading.voltage_v if reading.voltage_v > 0.0 else 0.0
        energy = {
            "Total": round(reading.energy_wh / 1000.0, 3),
            "Power": round(reading.power_w),
            "Voltage": round(reading.voltage_v),
            "Current": round(current_a, 3),
        }
        return self._say(f"tele/{self.topic}/SENSOR", {"Time": f"{reading.utc:%Y-%m-%dT%H:%M:%S}", "ENERGY": energy})

    def command(self, message: Message) -> Message:
        """Obey, and what it answers; what it does not understand changes nothing."""
        name = message.topic.rsplit("/", 1)[-1].lower()
        try:
            payload = message.payload.decode("utf-8").strip().lower()
        except UnicodeDecodeError:
            payload = "?"
        match name:
            case "power":
                self._switch(payload)
                return self._result({"POWER": self._position()})
            case "dimmer":
                self.dimmer_percent = _number(payload, 0, 100, self.dimmer_percent)
                return self._result({"POWER": self._position(), "Dimmer": self.dimmer_percent})
            case "teleperiod":
                self.period_s = _number(payload, TELE_PERIOD_LEAST_S, TELE_PERIOD_MOST_S, self.period_s)
                return self._result({"TelePeriod": self.period_s})
            case _:
                return self._result({"Command": "Unknown"})

    def _switch(self, payload: str) -> None:
        self.is_on = not self.is_on if payload in ("toggle", "2") else SWITCHES.get(payload, self.is_on)

    def _position(self) -> str:
        return "ON" if self.is_on else "OFF"

    def _result(self, content: dict[str, object]) -> Message:
        return self._say(f"stat/{self.topic}/RESULT", content)

    @staticmethod
    def _say(topic: str, content: dict[str, object]) -> Message:
        return Message(topic, json.dumps(content, separators=(",", ":")).encode("ascii"))


def _number(payload: str, least: int, most: int, present: int) -> int:
    """A whole number inside its range; anything else changes nothing."""
    number = int(payload) if payload.isascii() and payload.isdigit() and len(payload) < 6 else -1
    return number if least <= number <= most else present
