"""The SPI bus of a Linux board, through spidev (the extra `adc`)."""

from typing import Final

import spidev

from protocols.faults import LinkDown

_MODE_1: Final = 0b01


class SpidevPort:
    """`drivers.adc.ads131m08.SpiPort` on `/dev/spidev<bus>.<device>`."""

    def __init__(self, bus: int, device: int, speed_hz: int = 8_000_000) -> None:
        self._name = f"/dev/spidev{bus}.{device}"
        self._spi = spidev.SpiDev()
        try:
            self._spi.open(bus, device)
        except OSError as error:
            raise LinkDown(f"{self._name}: {error.strerror or error}") from error
        self._spi.mode = _MODE_1
        self._spi.max_speed_hz = speed_hz

    def transfer(self, out: bytes) -> bytes:
        """One frame under one chip select."""
        try:
            return bytes(self._spi.xfer2(out))
        except OSError as error:
            raise LinkDown(f"{self._name}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the device file."""
        self._spi.close()
