"""Write the tables of docs/worlds.md anew: PYTHONPATH=. .venv/bin/python docs/world_keys.py"""

from tests.sim_hardware.world.key_table import PAGE, key_table, page_with

PAGE.write_text(page_with(key_table()), encoding="utf-8")
