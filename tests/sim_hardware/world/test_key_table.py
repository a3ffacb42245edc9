"""docs/worlds.md says what the schema says."""

from sim_hardware.world.config import load_world
from tests.sim_hardware.world.gallery import EXAMPLES, FILES
from tests.sim_hardware.world.key_table import PAGE, key_table, page_with


def test_the_page_shows_every_table_as_it_is() -> None:
    assert page_with(key_table()) == PAGE.read_text(encoding="utf-8"), "run docs/world_keys.py"


def test_the_table_has_keys_defaults_and_bounds() -> None:
    table = key_table()
    assert "### `[home.battery]`" in table
    assert "### `[[feeder.line]]`" in table
    assert "| `soc_percent` | `50` | from 5 to 100 |" in table
    assert "| `peak_w` | `5_000` | above 0 to 10_000_000 |" in table
    assert "| `kind` | `alone` | `alone`, `street`, `ieee-european-lv`, `cigre-lv`, `cigre-mv`, `own` |" in table
    assert "| `rating_va` | must be there | above 0 to 10_000_000 |" in table


def test_the_page_names_the_whole_gallery() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for file in FILES:
        assert str(file.relative_to(EXAMPLES.parent)) in text
        assert f"{sum(block.count for block in load_world(file).home)} home" in text
