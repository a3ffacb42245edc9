"""An approving party: hears which contracts wait for the zone, asks whoever knows the network, and signs the answer.

`protocols.ports.TradeCheck` decides; a single power cap (`controller.capacity`) does until there is a zone node.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from firmware_py.home.shelf import terms_of
from protocols.actions import Approve, encode_action
from protocols.contracts import Contract
from protocols.faults import Fault, Refused
from protocols.messages import Agreed
from protocols.ports import Clock, Message, TradeCheck, TradeVerdict, Uplink
from protocols.signing import APPROVAL, CONTRACT, DEED, SignedText, kind_of, open_signed, peek, sign
from protocols.topics import ROOT, Topics

WAITING: Final = f"{ROOT}/+/contract/agreed"
_log = logging.getLogger("busbar.approver")


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered to a contract, to be said again when it is asked again."""

    contract: Contract
    verdict: TradeVerdict
    topic: str
    token: bytes


class Approver:
    """Signs for one zone. `issuers`: public keys by thumbprint whose contracts it looks at (empty: any, as the node says)."""

    def __init__(
        self, name: str, private_key: str, check: TradeCheck, clock: Clock, issuers: Mapping[str, str] | None = None
    ) -> None:
        self.check = check
        self._name, self._key, self._clock, self._issuers = name, private_key, clock, issuers or {}
        self._answered: dict[str, Answered] = {}
        self._seq = 0

    async def run(self, uplink: Uplink, told: Callable[[Answered], None] = lambda answered: None) -> None:
        """Answer until cancelled; `told` hears each new answer."""
        async for message in uplink.messages():
            try:
                answered, is_new = self.answer(message)
                await uplink.publish(answered.topic, answered.token)
            except Fault as fault:
                _log.warning("%s: %s", message.topic, fault)
                continue
            if is_new:
                told(answered)

    def answer(self, message: Message) -> tuple[Answered, bool]:
        """The signed answer to a contract that waits, and whether it is a new one; Refused where it cannot be looked at."""
        asked = _asked(message)
        digest = hashlib.sha256(asked.token.encode()).hexdigest()
        if (known := self._answered.get(digest)) is not None:
            return known, False
        contract = terms_of(self._opened(asked.token.encode()))
        if contract.aud != asked.node or message.topic != Topics(asked.node).agreed:
            raise Refused("audience", f"contract {contract.id} is for {contract.aud}, node {asked.node} asks")
        self._forget()
        verdict = self.check.check(contract)
        self.check = self.check.with_approved(contract, verdict)
        self._seq = max(self._seq + 1, int(self._clock.utc().timestamp() * 1000))
        approval = Approve(
            seq=self._seq,
            iss=self._name,
            aud=asked.node,
            contract=contract.id,
            sha256=digest,
            verdict=verdict.verdict,
            power_w=verdict.power_w,
            binding=verdict.binding,
        )
        token = sign(encode_action(approval), self._key, APPROVAL)
        self._answered[digest] = Answered(contract, verdict, Topics(asked.node).contract_in, token)
        return self._answered[digest], True

    def _opened(self, token: bytes) -> SignedText:
        if self._issuers:
            return open_signed(token, self._issuers, (CONTRACT, DEED))
        return SignedText(peek(token), "", token, kind_of(token))

    def _forget(self) -> None:
        """Trades that are over take no room any more."""
        now = self._clock.utc()
        self._answered = {key: each for key, each in self._answered.items() if each.contract.end > now}
        self.check = self.check.without_past(now)


def _asked(message: Message) -> Agreed:
    try:
        return msgspec.json.decode(message.payload, type=Agreed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed", f"not a contract that waits: {error}") from error
