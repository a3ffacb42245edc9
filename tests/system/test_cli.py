"""`busbar` as people run it: help with examples, a configuration checked, keys made."""

import asyncio
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from firmware_py.cli.app import app
from protocols.signing import key_id
from tests.system.busbar import busbar, told

pytestmark = pytest.mark.system

GOOD = """
[node]
id = "home-1"
state_dir = "state"
[mqtt]
url = "mqtt://broker.example"
username = "home-1"
password_file = "password"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
[[issuer]]
name = "dso.example"
key_file = "dso.pub"
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
[[device]]
name = "battery"
model = "sunspec-battery"
url = "tcp://battery.example"
"""


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - typer brings its own click
    """Every command and group of commands, by the words one types."""
    yield path
    for name in list(getattr(command, "commands", {})):
        yield from commands(command.resolve_command(None, [name])[1], (*path, name))


ALL = list(commands(get_command(app)))


def test_every_command_is_known() -> None:
    wanted = {
        "home",
        "check",
        "read",
        "demo",
        "contract new",
        "contract sign",
        "contract send",
        "keys new",
        "sim device",
    }
    assert wanted <= {" ".join(path) for path in ALL}


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "busbar")
def test_help_has_an_example(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    (example,) = [line for line in shown.output.splitlines() if "Example: " in line]
    assert " ".join(("busbar", *path)) in example


def test_each_line_of_the_help_is_that_of_its_command() -> None:
    lines = {name: line.help for name, line in get_command(app).commands.items()}  # type: ignore[attr-defined]
    group = get_command(app)
    real = {name: group.resolve_command(None, [name])[1].help.split("\n\n")[0] for name in lines}  # type: ignore[attr-defined]
    assert lines == real


async def test_help_needs_nothing_that_a_command_needs() -> None:
    """All of it takes a second, on a Pi several."""
    code = (
        "import sys; from firmware_py.cli.app import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    loaded = out.decode().splitlines()[-1].split()
    assert "typer" in loaded
    assert not {"pydantic", "aiomqtt", "joserfc", "sim_hardware", "drivers", "firmware_py.compose"} & set(loaded)


async def test_help_as_a_process() -> None:
    ended = await busbar("--help")
    assert "Example: busbar demo --for 30s" in ended.good


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with everything that a good configuration names."""
    assert told("keys", "new", "dso", "--dir", str(tmp_path)).code == 0
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "home.toml").write_text(GOOD)
    return tmp_path


async def test_a_good_configuration(folder: Path) -> None:
    ended = await busbar("check", str(folder / "home.toml"))
    assert ended.good.startswith(f"{folder}/home.toml: good. Node home-1 with grid (sdm630), battery (sunspec-battery)")
    assert "secret" not in ended.out


FIVE = {  # what stood there, what stands there now, and what must be said of it: key, value, what is allowed
    'id = "home-1"': ('id = "home/1"', 'node.id = "home/1": allowed are 1 to 64 of'),
    'username = "home-1"': ('usernam = "home-1"', 'mqtt.usernam = "home-1": unknown key; did you mean username?'),
    'meter = "grid"': ('meter = "gird"', 'site.meter = "gird": allowed are the devices grid, battery'),
    'model = "sunspec-battery"': (
        'model = "sunspec-batery"',
        'device.1.model = "sunspec-batery": did you mean sunspec-battery?',
    ),
    'password_file = "password"': ('password_file = "pasword"', "mqtt.password_file = "),
}


async def test_five_mistakes_at_once(folder: Path) -> None:
    """Of five kinds: a bad value, an unknown key, a name that is none of the devices', a model, a file."""
    text = GOOD
    for old, (new, _) in FIVE.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "home.toml").write_text(text)
    ended = await busbar("check", str(folder / "home.toml"))
    assert ended.code == 2
    assert "Traceback" not in ended.err
    head, *lines = ended.err.splitlines()
    for _, said in FIVE.values():
        assert [line for line in lines if line.strip().startswith(said)], f"{said!r} is not in\n{ended.err}"
    assert len(lines) == len(FIVE), ended.err
    assert head == f"busbar: {folder}/home.toml: 5 mistake(s)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[node\nid=", "line 1"),
        ("device = [[[", "readable TOML"),
        ("x = " + "[" * 5000, "readable TOML"),
        (None, "No such"),
    ],
    ids=["syntax", "unfinished", "deep", "missing"],
)
def test_what_is_no_configuration(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "home.toml"
    if text is not None:
        path.write_text(text)
    for command in ("check", "home"):
        ended = told(command, str(path))
        assert (ended.code, ended.out) == (2, ""), ended
        assert "Traceback" not in ended.err
        head, line = ended.err.splitlines()
        assert head == f"busbar: {path}: 1 mistake(s)"
        assert line.startswith("  file = ")
        assert said in line


def test_a_configuration_that_check_calls_good_is_not_refused_later(folder: Path) -> None:
    """One serial port with two settings: found by `check`, not by a traceback of `home`."""
    other = '[[device]]\nname = "load"\nmodel = "sdm630"\nurl = "serial:///dev/ttyUSB0?baud=19200"\n'
    (folder / "home.toml").write_text(GOOD + other)
    for command in ("check", "home"):
        ended = told(command, str(folder / "home.toml"))
        assert ended.code == 2, ended
        (line,) = ended.err.splitlines()[1:]
        assert line.startswith('  device.2.url = "serial:///dev/ttyUSB0?baud=19200": ')
        assert "/dev/ttyUSB0 " in line


def test_keys_are_secret_and_never_overwritten(folder: Path) -> None:
    secret, public = folder / "dso.key", folder / "dso.pub"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert "d" in json.loads(secret.read_text())
    assert "d" not in json.loads(public.read_text())
    assert key_id(secret.read_text()) == key_id(public.read_text())
    before = secret.read_bytes(), public.read_bytes()
    told("keys", "new", "dso", "--dir", str(folder)).says(2, "dso.pub", "exists already")
    public.unlink()
    told("keys", "new", "dso", "--dir", str(folder)).says(2, "dso.key", "never overwritten")
    assert secret.read_bytes() == before[0]
    assert not public.exists()
    told("keys", "new", "x", "--dir", str(folder / "none")).says(2, "x.key", "No such file")
