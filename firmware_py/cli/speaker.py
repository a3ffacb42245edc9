"""Somebody who sends signed messages to a node from the command line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import aiomqtt
import typer

from firmware_py.cli.options import BAD_INPUT, stop
from firmware_py.config import broker_address
from protocols.signing import sign
from protocols.topics import Topics

Node = Annotated[str, typer.Option(help="The node it is for.")]
Key = Annotated[Path, typer.Option(help="The issuer's private key file.")]
BrokerUrl = Annotated[str, typer.Option("--broker", help="mqtt://host:port or mqtts://host:port")]
Username = Annotated[str | None, typer.Option(help="Name for the broker.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File with the password for the broker.")]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks, to whom, with which key, by which broker."""

    issuer: str
    node: str
    key: str
    address: tuple[str, int, bool]
    login: tuple[str | None, str | None]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[aiomqtt.Client]:
        """A client of the broker."""
        host, port, tls = self.address
        parameters = aiomqtt.TLSParameters() if tls else None
        username, password = self.login
        async with aiomqtt.Client(host, port, username=username, password=password, tls_params=parameters) as client:
            yield client

    @property
    def topics(self) -> Topics:
        """Those of the node."""
        return Topics(self.node)


def speaker(issuer: str, node: str, key: Path, broker: str, login: tuple[str | None, Path | None]) -> Speaker:
    """Somebody whose key signs; the end of the command where anything is not what it should be."""
    username, password_file = login
    try:
        password = password_file.read_text(encoding="utf-8").strip() if password_file else None
        found = Speaker(issuer, node, key.read_text(encoding="utf-8"), broker_address(broker), (username, password))
        sign(b"", found.key)
        Topics(node)
    except (OSError, ValueError) as error:
        stop(str(error), BAD_INPUT)
    return found
