"""`busbar approver` and `busbar contract` at a real broker: what waits is answered, signed, and the same again when asked again."""

import asyncio
import hashlib
import json
import signal
from pathlib import Path

import pytest

from protocols.messages import Agreed, encode
from protocols.signing import APPROVAL, key_id, open_signed
from tests.system.busbar import BUSBAR, told
from tests.system.eventually import eventually
from tests.system.mosquitto import mosquitto

pytestmark = pytest.mark.system
WHO = ("--issuer", "agg", "--node", "home-1")


def contract(folder: Path, number: int, energy_wh: int) -> str:
    terms = told(
        "contract", "new", *WHO, "--product", "energy", "--energy-wh", f"{energy_wh}", "--peer", "x",
        "--seq", f"{number}", "--start", "+1h",
    ).good  # fmt: skip
    return told("contract", "sign", "-", "--key", str(folder / "agg.key"), stdin=terms).good.strip()


async def test_what_waits_is_answered(tmp_path: Path) -> None:
    for name in ("agg", "zone"):
        assert told("keys", "new", name, "--dir", str(tmp_path)).code == 0
    public = (tmp_path / "zone.pub").read_text()
    async with mosquitto(tmp_path, users=False) as broker, broker.subscriber("busbar/1/#") as heard:
        process = await asyncio.create_subprocess_exec(
            BUSBAR, "approver", "--cap-w", "5000", "--name", "zone", "--key", str(tmp_path / "zone.key"),
            "--broker", broker.url, "--issuer-key", str(tmp_path / "agg.pub"), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            await eventually("the zone is there", lambda: heard.of("busbar/1/zone/status"))
            tokens = [contract(tmp_path, 1, 1000), contract(tmp_path, 2, 1000), contract(tmp_path, 1, 1000)]
            tokens[2] = tokens[0]
            for token in tokens:
                asks = encode(Agreed("home-1", "agg:1", token, "2026-06-21T12:00:00.000Z"))
                await broker.publish("node", "busbar/1/home-1/contract/agreed", asks)
            answers = await eventually(
                "three answers", lambda: found if len(found := heard.of("busbar/1/home-1/contract/in")) == 3 else []
            )
            process.send_signal(signal.SIGTERM)
            said = (await process.stdout.read()).decode().splitlines()
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    opened = [
        json.loads(open_signed(each.payload.encode(), {key_id(public): public}, APPROVAL).payload) for each in answers
    ]
    assert [each["verdict"] for each in opened] == ["full", "partly", "full"]
    assert [each["sha256"] for each in opened] == [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
    assert opened[1]["power_w"] == 1000.0
    assert answers[0].payload == answers[2].payload
    assert said == [
        "agg:1 full",
        "agg:2 partly at 1000 W power cap of 5000 W, of which 1000 W are left",
    ]


def test_every_product_and_message_can_be_written(tmp_path: Path) -> None:
    assert told("keys", "new", "agg", "--dir", str(tmp_path)).code == 0
    key = ("--key", str(tmp_path / "agg.key"))
    for words in (
        ("reprofile", "--change-w", "-500", "--baseline-w", "100,200", "--interval", "5m", "--duration", "10m"),
        ("option", "--least-w", "-500", "--most-w", "500", "--notice", "5m", "--longest", "15m"),
        ("limit", "--step", "now,4200,-", "--step", "+5m,0,0", "--default-import-w", "4200"),
    ):
        assert json.loads(told("contract", "new", *WHO, "--product", *words).good)["product"] == words[0]
    told("contract", "new", *WHO, "--product", "energy", "--power-w", "5").says(2, "power_w", "energy_wh")
    terms = told("contract", "new", *WHO, "--power-w", "5", "--id", "c1").good
    signed = told("contract", "sign", "-", *key, stdin=terms).good
    (tmp_path / "terms.json").write_text(terms)
    (tmp_path / "signed.jws").write_text(signed)
    for deed in (
        ("cancel", "c1", *WHO),
        ("amend", str(tmp_path / "terms.json")),
        ("supersede", "c0", str(tmp_path / "terms.json")),
        ("accept", str(tmp_path / "signed.jws"), "--issuer", "agg"),
        ("approve", str(tmp_path / "signed.jws"), "--issuer", "agg", "--power-w", "100"),
        ("call", "c1", *WHO, "--change-w", "100", "--duration", "15m"),
        ("default", "c1", *WHO, "--party", "home-1", "--why", "late"),
        ("settle", "c1", *WHO, "--amount", "0.02", "--statement", str(tmp_path / "terms.json")),
    ):
        assert told("contract", *deed, *key).good.count(".") == 2, deed
    told("contract", "approve", str(tmp_path / "signed.jws"), "--issuer", "agg", "--power-w", "0", *key).says(
        2, "power_w"
    )
    told("contract", "counter", "c1", str(tmp_path / "terms.json"), *key).says(2, "terms.id", "c1")
