"""An MQTT broker inside the process, for the demo and nothing else: amqtt, on loopback only.

It speaks MQTT 3.1.1 only and saturates at 1,000 to 2,000 messages a second; a deployment uses Mosquitto.
"""

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from protocols.faults import Unsupported


@asynccontextmanager
async def embedded_broker() -> AsyncIterator[str]:
    """A broker on a free loopback port; yields its URL. Unsupported where the extra `demo` is not installed."""
    try:
        from amqtt.broker import Broker  # noqa: PLC0415 - a deployed node has no amqtt and needs none
    except ImportError as error:
        raise Unsupported(
            "the demo's own broker needs: python -m pip install --editable '.[demo]'; or give --broker URL"
        ) from error
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.ERROR)
    port = _free_port()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = Broker(config)
    await broker.start()
    try:
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        await broker.shutdown()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
