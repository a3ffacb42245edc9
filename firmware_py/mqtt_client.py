"""aiomqtt's client with a way of its own for what a node does all day: publish with QoS 1 and look at the answer.

aiomqtt and paho connect, subscribe, receive, keep alive and say goodbye. They report a message as sent that the broker
threw away (a PUBACK of 0x80 and above: MQTT 5.0, 4.13.2), and take ten times as long over it.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS, ConnectFlags
from paho.mqtt.client import Client as Paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from firmware_py.mqtt_wire import Listener, Traffic, Wire, packet_at, publish_packet
from protocols.faults import Fault, LinkDown, Refused
from protocols.ports import Message

PUBACK_S: Final = 10.0
_PUBACK: Final = 0x40
_FAILURE: Final = 0x80
# How many publishes may wait for their answer, where the broker states no less (MQTT 5.0, 3.3.4); Mosquitto's own figure.
_WINDOW: Final = 20
_NUMBERS: Final = 65_535
# The lateness of a ping and of a missing answer; a thousand clients of one process must not be busy with looking.
_LOOK_S: Final = 2.5
_LOOKS: Final = 8


class _Sent(NamedTuple):
    """A publish that waits for its answer."""

    answer: asyncio.Future[Fault | None]
    topic: str
    sent_s: float


class Client(aiomqtt.Client):
    """Made and connected as aiomqtt's; `publish_all` in place of its `publish`. Call `drop` when done with it."""

    def __init__(self, *args: Any, keepalive: int, traffic: Traffic, **kwargs: Any) -> None:
        super().__init__(*args, keepalive=keepalive, timeout=PUBACK_S, **kwargs)
        self._sent: dict[int, _Sent] = {}
        self._number, self._window = 0, asyncio.Semaphore(_WINDOW)
        self._wire: Wire | None = None
        self._traffic = traffic
        self._is_dropped = False
        self._look_s = min(_LOOK_S, keepalive / _LOOKS)
        self._has_properties = kwargs.get("protocol") is aiomqtt.ProtocolVersion.V5
        # Without these, paho writes at once, into the wire's memory.
        self._client.on_socket_register_write = None
        self._client.on_socket_unregister_write = None

    async def publish_all(self, messages: Sequence[Message]) -> list[Fault | None]:
        """Send messages in their order; what came of each once all are answered: None is taken by the broker."""
        answers = []
        for message in messages:
            await self._window.acquire()
            answers.append(self._send(message))
        return [await answer for answer in answers]

    def drop(self) -> None:
        """Close whatever is open, and fail every publish whose answer can no longer come."""
        self._is_dropped = True
        if self._wire is not None and not self._wire.is_closed:
            self._client._sock_close()  # there is no other way to leave without a goodbye
        for number in list(self._sent):
            self._answered(number, LinkDown("broker: the connection went away before the PUBACK"))

    def _send(self, message: Message) -> asyncio.Future[Fault | None]:
        answer: asyncio.Future[Fault | None] = self._loop.create_future()
        if self._wire is None or self._wire.is_closed:
            self._window.release()
            answer.set_result(LinkDown(f"broker: the connection went away before {message.topic} was sent"))
            return answer
        number = self._next_number()
        self._sent[number] = _Sent(answer, message.topic, self._loop.time())
        self._wire.write(
            publish_packet(
                number, message.topic, message.payload, retain=message.retained, has_properties=self._has_properties
            )
        )
        return answer

    def _next_number(self) -> int:
        """Downwards from the top: paho counts up from 1, one for each subscription."""
        while True:
            self._number = (self._number - 2) % _NUMBERS + 1
            if self._number not in self._sent:
                return self._number

    def _answered(self, number: int, fault: Fault | None) -> None:
        sent = self._sent.pop(number, None)
        if sent is None:  # it came too late
            return
        self._window.release()
        if not sent.answer.done():
            sent.answer.set_result(fault)

    def _received(self, data: bytearray) -> int:
        """Answers to publishes are ours, every other packet is paho's."""
        at = 0
        while (found := packet_at(data, at)) is not None:
            body, end = found
            if data[at] == _PUBACK and end >= body + 2:
                self._puback(data[body:end])
            else:
                self._let_paho_read(data[at:end])
            at = end
            if at >= len(data):
                break
        return at

    def _puback(self, body: bytearray) -> None:
        """The number of the message and, where it is not plain success, why (MQTT 5.0, 3.4.2)."""
        number, code = body[0] << 8 | body[1], body[2] if len(body) > 2 else 0
        if code < _FAILURE:
            self._answered(number, None)
        elif number in self._sent:
            topic, reason = self._sent[number].topic, _reason(code)
            self._answered(number, Refused("broker", f"broker refused {topic}: {reason} (0x{code:02x})"))

    def _let_paho_read(self, packet: bytearray) -> None:
        assert self._wire is not None
        self._wire.pass_on(packet)
        try:
            while self._wire.has_passed:
                self._client.loop_read()
        except Exception as error:  # noqa: BLE001 - as aiomqtt: whatever paho trips over ends the connection
            self._break(error)

    def _break(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(error)
        self._client._sock_close()

    def _lost(self) -> None:
        self._client.loop_read()  # reads the end, and tells aiomqtt

    def _on_connect(
        self,
        client: Paho,
        userdata: object,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        most = getattr(properties, "ReceiveMaximum", _WINDOW)
        self._window = asyncio.Semaphore(min(most, _WINDOW))
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(self, client: Paho, userdata: object, sock: Any) -> None:  # noqa: ANN401 - plain or TLS
        """In the thread that connects. What is gathered already must not wait for more in the system."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wire = client._sock = Wire(  # paho talks to whatever stands there
            sock, Listener(self._received, client.loop_write, self._lost), self._loop, self._traffic
        )

    def _client_connect(self) -> None:
        super()._client_connect()
        self._loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        if self._wire is None or self._wire.is_closed:
            return
        if self._is_dropped:  # while the thread was connecting
            self._client._sock_close()
            return
        self._wire.start()
        self._misc_task = self._loop.create_task(self._misc_loop())

    async def _misc_loop(self) -> None:
        """paho's pings, and publishes that nobody answers."""
        while self._client.loop_misc() == MQTT_ERR_SUCCESS:
            await asyncio.sleep(self._look_s)
            now_s = self._loop.time()
            for number, sent in list(self._sent.items()):
                if sent.sent_s + PUBACK_S > now_s:
                    break  # the others were sent later
                self._answered(number, LinkDown(f"broker: no PUBACK for {sent.topic} within {PUBACK_S:g} s"))


def _reason(code: int) -> str:
    try:
        return str(ReasonCode(PacketTypes.PUBACK, identifier=code))
    except (KeyError, AssertionError):
        return "unknown reason"
