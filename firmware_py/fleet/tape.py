"""What a fleet said, as one number: the same seed must give the same."""

import hashlib
from typing import Final

from protocols.ports import Message
from protocols.topics import ROOT

MODULUS: Final = 2**256
# What is said to a node: when it comes within an instant depends on the other homes of the head-end.
INBOUND: Final = ("durable", "contract/in")


class Tape:
    """Listens at the broker to everything that nodes say and hashes it home by home, in the order in which it was said.

    The fleet's hash is the sum of its homes' SHA-256 modulo 2^256, so that the hashes of shards add up to the fleet's.
    """

    client_id = "tape"
    subscriptions: tuple[str, ...] = (f"{ROOT}/#",)
    will: tuple[str, bytes] | None = None

    def __init__(self) -> None:
        self.payload_bytes = 0
        self._hashes: dict[str, hashlib._Hash] = {}

    def deliver(self, message: Message) -> None:
        """Take a message in."""
        node, _, leaf = message.topic.removeprefix(f"{ROOT}/").partition("/")
        if leaf in INBOUND:
            return
        self.payload_bytes += len(message.payload)
        self.add(node, leaf.encode(), message.payload)

    def dropped(self) -> None:
        """Nothing to do: it never leaves."""

    def add(self, node: str, *parts: bytes) -> None:
        """Take in something else that a home left behind, such as its journal."""
        if node not in self._hashes:
            self._hashes[node] = hashlib.sha256(node.encode())
        for part in parts:
            self._hashes[node].update(len(part).to_bytes(4, "big") + part)

    @property
    def total(self) -> int:
        """The sum over all homes."""
        return sum(int.from_bytes(each.digest(), "big") for each in self._hashes.values()) % MODULUS


def hash_text(total: int) -> str:
    """A sum of hashes as 64 hexadecimal digits."""
    return f"{total:064x}"
