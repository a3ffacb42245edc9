"""`[[grid_limit]]`: what is good, every mistake at once, and the schema for editors."""

from pathlib import Path

import pytest

from firmware_py.compose import inbound
from firmware_py.compose_limits import contacts_of_line
from firmware_py.config import ConfigError, HomeConfig, load
from firmware_py.config_limits import ContactsConfig, GuardConfig
from protocols.faults import Fault, NoReply
from protocols.ports import BitTable, Table
from protocols.signing import new_private_key, public_part

KEY = new_private_key()
HOME = """
[node]
id = "home-1"
state_dir = "/tmp"
[mqtt]
url = "mqtt://b"
[site]
meter = "grid"
import_limit_w = 17000
export_limit_w = 10000
[[issuer]]
name = "dso"
key_file = "dso.pub"
role = "grid"
[[issuer]]
name = "trader"
key_file = "dso.pub"
role = "market"
[[device]]
name = "grid"
model = "sdm630"
url = "serial:///dev/ttyUSB0?baud=9600"
"""
GOOD = """
[[grid_limit]]
kind = "guard"
name = "lpc"
issuer = "dso"
use = "consumption"
[[grid_limit]]
kind = "contacts"
name = "14a"
contact = [{ line = "gpiochip0:17", import_limit_w = 4200 }]
[[grid_limit]]
kind = "contacts"
name = "ripple"
url = "tcp://192.0.2.20"
unit = 3
contact = [{ input = 0, export_limit_w = 6000 }, { input = 4, export_limit_w = 0 }]
"""


def write(folder: Path, text: str) -> Path:
    (folder / "dso.pub").write_text(public_part(KEY))
    (folder / "home.toml").write_text(HOME + text)
    return folder / "home.toml"


def test_a_good_one(tmp_path: Path) -> None:
    home = load(write(tmp_path, GOOD)).home
    guard, relay, board = home.grid_limit
    assert isinstance(guard, GuardConfig)
    assert (guard.failsafe_w, guard.failsafe_s) == (4200.0, 7200.0)
    assert isinstance(relay, ContactsConfig)
    assert relay.contact[0].import_limit_w == 4200.0
    assert isinstance(board, ContactsConfig)
    assert "busbar/1/home-1/limit/in" in inbound(home)
    assert "busbar/1/home-1/limit/in" not in inbound(load(write(tmp_path, "")).home)


BAD = [
    (
        'kind = "guard"\nname = "x"\nissuer = "trader"\nuse = "consumption"',
        'issuer = "trader": must be an issuer with role',
    ),
    ('kind = "guard"\nname = "x"\nissuer = "dso"\nuse = "consumption"', 'use = "consumption": dso limits it already'),
    ('kind = "guard"\nname = "lpc"\nissuer = "dso"\nuse = "production"', 'name = "lpc": stands twice'),
    ('kind = "guard"\nname = "x"\nissuer = "dso"', "use = (absent): must be there"),
    ('kind = "guard"\nname = "x"\nissuer = "dso"\nuse = "all"', 'use = "all"'),
    ('kind = "guard"\nname = "x"\nissuer = "dso"\nuse = "production"\nfailsafe_s = 60', "failsafe_s = 60"),
    (
        'kind = "guard"\nname = "x"\nissuer = "dso"\nuse = "production"\nisuer = 1',
        "isuer = 1: unknown key; did you mean issuer?",
    ),
    ('kind = "relay"\nname = "x"', 'kind = "relay": allowed are guard, contacts'),
    ('name = "x"', "kind = (absent): must be there"),
    ('kind = "contacts"\nname = "x"\ncontact = []', "contact = []"),
    ('kind = "contacts"\nname = "x"\ncontact = [{ line = "17" }]', 'contact.0.line = "17": GPIO line'),
    (
        'kind = "contacts"\nname = "x"\ncontact = [{ input = 1 }]',
        "contact.0.line = null: without url a GPIO line is needed",
    ),
    (
        'kind = "contacts"\nname = "x"\nurl = "tcp://h"\ncontact = [{ line = "A" }]',
        "contact.0.input = null: a board has",
    ),
    ('kind = "contacts"\nname = "x"\ncontact = [{ line = "gpiochip0:17" }]', "stands twice; each contact counts once"),
    (
        'kind = "contacts"\nname = "x"\ncontact = [{ line = "gpiochip0:1" }, { line = "gpiochip1:1" }]',
        "must be of one chip",
    ),
    ('kind = "contacts"\nname = "x"\ncontact = [{ line = "A", import_limit_w = -1 }]', "contact.0.import_limit_w = -1"),
    (
        'kind = "contacts"\nname = "x"\nurl = "serial:///dev/ttyUSB0?baud=19200"\ncontact = [{ input = 0 }]',
        "one line has one setting",
    ),
]


@pytest.mark.parametrize(("text", "named"), BAD, ids=[named[:30] for _, named in BAD])
def test_each_mistake_is_named_with_its_place(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, f"{GOOD}\n[[grid_limit]]\n{text}\n"))
    said = [str(mistake) for mistake in caught.value.mistakes]
    (line,) = [line for line in said if named in line]
    assert line.startswith("grid_limit.3."), said


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    tables = "\n".join(f"[[grid_limit]]\n{text}" for text, _ in BAD)
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, f"{GOOD}\n{tables}\n"))
    said = "\n".join(map(str, caught.value.mistakes))
    assert all(named in said for _, named in BAD), said


def test_the_schema_knows_both_kinds() -> None:
    schema = HomeConfig.model_json_schema()
    items = schema["properties"]["grid_limit"]["items"]
    assert items["discriminator"]["mapping"].keys() == {"guard", "contacts"}
    assert {"kind", "name", "issuer", "use"} == set(schema["$defs"]["GuardConfig"]["required"])


class Board:
    """A bus whose units have eight inputs; the fifth is closed."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, BitTable, int, int]] = []

    async def read(self, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
        raise NoReply("registers are not asked for")

    async def write(self, unit: int, address: int, words: object) -> None:
        raise NoReply("nothing is written")

    async def close(self) -> None:
        """Nothing to close."""

    async def read_bits(self, unit: int, table: BitTable, address: int, count: int) -> tuple[bool, ...]:
        self.asked.append((unit, table, address, count))
        return tuple(index == 4 for index in range(count))

    async def write_coils(self, unit: int, address: int, bits: object) -> None:
        raise NoReply("nothing is written")


async def test_inputs_of_a_board_are_asked_up_to_the_last_one_named(tmp_path: Path) -> None:
    limit, board = load(write(tmp_path, GOOD)).home.grid_limit[2], Board()
    assert isinstance(limit, ContactsConfig)
    contacts = contacts_of_line(limit, lambda url, timeout_s: board)
    assert await contacts.closed() == (False, False, False, False, True)
    assert board.asked == [(3, BitTable.CONTACTS, 0, 5)]


async def test_a_line_without_bits_is_a_fault_to_each_question_and_no_end_of_the_node(tmp_path: Path) -> None:
    class Registers:
        read, write, close = Board.read, Board.write, Board.close

    limit = load(write(tmp_path, GOOD)).home.grid_limit[2]
    assert isinstance(limit, ContactsConfig)
    contacts = contacts_of_line(limit, lambda url, timeout_s: Registers())
    with pytest.raises(Fault, match="carries no single bits"):
        await contacts.closed()
