"""What a broker keeps of a node, or what the node says next."""

import asyncio

import aiomqtt


async def first_message(
    address: tuple[str, int, bool], topic: str, login: tuple[str | None, str | None], within_s: float
) -> bytes:
    """The first message on a topic, by host, port and TLS, name and password; TimeoutError where none comes in time."""
    host, port, tls = address
    parameters = aiomqtt.TLSParameters() if tls else None
    async with (
        asyncio.timeout(within_s),
        aiomqtt.Client(host, port, username=login[0], password=login[1], tls_params=parameters) as client,
    ):
        await client.subscribe(topic, qos=1)
        async for message in client.messages:
            return bytes(message.payload)
    raise TimeoutError
