"""From `[feeder]` to a network: what is built, and what is wrong with what cannot be."""

import sys
from pathlib import Path
from typing import Any

import pytest

from sim_hardware.world.config import WorldError, load_world
from sim_hardware.world.feeder_base import Place
from sim_hardware.world.feeders import FeederError, Network, network_of
from tests.sim_hardware.world.networks import world_of, written

STREET = "[feeder]\nkind = 'street'\nhouses = 4\n"
ISLAND = "[island]\nrating_va = 1e5\n"
OWN = "[feeder]\nkind = 'own'\nsource_bus = 'a'\nbus = [{name='a'}, {name='b'}, {name='mv', voltage_v=20000}]\n"
LINE = "line = [{name='l', from_bus='a', to_bus='b', length_m=30}]\n"
HOME = "[[home]]\nbus = 'b'\n"


def network(feeder: dict[str, Any], homes: int | list[dict[str, Any]] = 4, **tables: Any) -> Network:
    config = world_of(feeder, homes, **tables)
    return network_of(config.feeder, config.home, config.station)


# What is wrong


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        (
            STREET + "[[home]]\ncount = 3\nbus = ['house-1', 'hause-2', 'mv']\n",
            [
                'home.0.bus = "hause-2" of home: no such bus; did you mean house-2?',
                'home.0.bus = "mv" of home: a bus of 20000 V; homes hang on 380 to 420 V',
            ],
        ),
        (
            STREET + "[[home]]\nbus = 'x'\n",
            [
                'home.0.bus = "x" of home: no such bus; there are mv, bar, joint-1, joint-2, joint-3, joint-4, house-1,',
            ],
        ),
        (
            STREET + "[[home]]\ncount = 6\n",
            ["home = 6 without a bus: the feeder has places for 4; state a bus, of which there are mv, bar, joint-1,"],
        ),
        (
            STREET + "zones = 2\nsource_bus = 'mv'\n[[home]]\n",
            [
                "feeder.source_bus = …: a key of kind own, not of street",
                "feeder.zones = …: a key of kind cigre-mv, not of street",
            ],
        ),
        (STREET + "transformer_va = 500000\n[[home]]\n", ["feeder.transformer_va = 500000: Input should be 250000"]),
        (STREET + "length_m = -5\n[[home]]\n", ["feeder.length_m = -5: Input should be greater than 0"]),
        (STREET + "lenght_m = 5\n[[home]]\n", ["feeder.lenght_m = 5: unknown key; did you mean length_m?"]),
        (STREET + "[[home]]\nphase = 'L4'\n", ["home.0.phase.0 = \"L4\": Input should be 'L1', 'L2' or 'L3'"]),
        (
            STREET + "[grid]\nr_ohm = 0.3\n[[home]]\n",
            ["grid.r_ohm = 0.3: for feeder.kind alone; street has its own lines"],
        ),
        (
            ISLAND
            + "[[home]]\nbus = 'a'\n[[home]]\nname = 'h'\nphase = 'L1'\n[[station]]\nname = 's'\nkind = 'meter'\n",
            [
                'home.0.bus = ["a"]: needs a network: feeder.kind street, ieee-european-lv',
                'home.1.phase = ["L1"]: needs a network',
                'station.0 = "s": needs a network',
                "island = …: needs a network",
            ],
        ),
        ("[feeder]\nkind = 'own'\n[[home]]\n", ["feeder.bus = (absent): at least one [[feeder.bus]] must be there"]),
        (
            OWN.replace("'a'\n", "'z'\n") + LINE + HOME,
            ['feeder.source_bus = "z": no such bus; allowed are a, b, mv'],
        ),
        (
            OWN + LINE.replace("to_bus='b'", "to_bus='c'") + HOME,
            ['feeder.line.0.to_bus = "c": no such bus for line l; allowed are a, b, mv'],
        ),
        (
            OWN + LINE.replace("}]", "}, {name='l', from_bus='q', to_bus='b', length_m=1}]") + HOME,
            [
                'feeder.line.1.name = "l": stands twice; names must differ',
                'feeder.line.1.from_bus = "q": no such bus for line l',
            ],
        ),
        (
            OWN + LINE.replace("to_bus='b'", "to_bus='mv'") + HOME,
            ['feeder = "own": line l joins 400 V to 20000 V; only a transformer may'],
        ),
        (OWN + HOME, ['feeder = "own": site home 1 is on bus b, which no closed line joins to the source']),
        (OWN + LINE + "[[home]]\n", ["home = 1 without a bus: the feeder has places for 0; state a bus"]),
    ],
)
def test_every_mistake_is_said_at_once(tmp_path: Path, text: str, mistakes: list[str]) -> None:
    with pytest.raises(WorldError) as error:
        load_world(written(tmp_path / "world.toml", text))
    found = [str(mistake) for mistake in error.value.mistakes]
    assert len(found) == len(mistakes), found
    for said, expected in zip(found, mistakes, strict=True):
        assert said.startswith(expected)


@pytest.mark.parametrize(
    ("station", "mistakes"),
    [
        (
            "kind = 'tap-changer'\nat = 'transformre'\nstep_var = 3",
            [
                "station.0.step_var = 3.0: not a key of a tap-changer",
                'station.0.at = "transformre" of s: no such transformer; did you mean transformer?',
            ],
        ),
        ("kind = 'tap-changer'", ["station.0.at = (absent): the transformer of s must be there: transformer"]),
        (
            "kind = 'capacitor-bank'\nat = 'transformer'\nsteps = 3",
            ['station.0.at = "transformer" of s: no such bus; '],
        ),
        (
            "kind = 'meter'\nat = 'bar'\nsteps = 3",
            [
                "station.0.steps = 3: not a key of a meter",
                'station.0.at = "bar" of s: no such transformer or line; there are transformer, main-1, service-1,',
            ],
        ),
        (
            "kind = 'tap-changer'\nat = 'transformer'\n[[station]]\nname='t'\nkind='tap-changer'\nat='transformer'",
            ['station.1.at = "transformer": s is there already; one tap changer each is allowed'],
        ),
        ("kind = 'relay'\nat = 'bar'", ["station.0.kind = \"relay\": Input should be 'tap-changer', "]),
    ],
)
def test_stations_that_cannot_be(tmp_path: Path, station: str, mistakes: list[str]) -> None:
    text = f"{STREET}[[home]]\n[[station]]\nname = 's'\n{station}\n"
    with pytest.raises(WorldError) as error:
        load_world(written(tmp_path / "world.toml", text))
    found = [str(mistake) for mistake in error.value.mistakes]
    assert len(found) == len(mistakes), found
    for said, expected in zip(found, mistakes, strict=True):
        assert said.startswith(expected)


def test_a_network_that_is_made_says_its_mistakes_itself() -> None:
    with pytest.raises(FeederError, match="no such bus") as error:
        network({"kind": "street", "houses": 2}, [{"count": 2, "bus": ["house-1", "nowhere"]}])
    assert [mistake.key for mistake in error.value.mistakes] == ["home.0.bus"]


def test_without_pandapower_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pandapower", "pandapower.networks"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ModuleNotFoundError, match=r"this feeder needs pandapower, .* pip install --editable '\.\[sim\]'"
    ):
        network({"kind": "cigre-lv"})


# Streets and own tables


def test_a_street_is_as_long_as_it_says_and_has_a_house_for_each() -> None:
    built = network({"kind": "street", "length_m": 500.0, "service_m": 20.0, "transformer_va": 250_000}, 5)
    feeder = built.feeder
    lengths = {line.name: line.length_m for line in feeder.lines}
    assert sum(length for name, length in lengths.items() if name.startswith("main")) == pytest.approx(500.0)
    assert [lengths[f"service-{number}"] for number in range(1, 6)] == [20.0] * 5
    assert [place.bus for place in built.places] == [f"house-{number}" for number in range(1, 6)]
    assert feeder.transformers[0].power_va == 250_000.0
    ends = [(line.from_bus, line.to_bus) for line in feeder.lines if line.name.startswith("main")]
    assert ends[0] == ("bar", "joint-1")
    assert ends[-1] == ("joint-4", "joint-5")


def test_homes_that_name_buses_take_them_in_turn_and_the_rest_go_on() -> None:
    homes = [{"name": "a", "count": 3, "bus": ["house-9", "house-8"]}, {"name": "b", "count": 2, "phase": ["L3", "L1"]}]
    built = network({"kind": "street", "houses": 9}, homes)
    assert built.places == (
        Place("house-9"),
        Place("house-8"),
        Place("house-9"),
        Place("house-1", 2),
        Place("house-2", 0),
    )
    assert [site.bus for site in built.feeder.sites] == [place.bus for place in built.places]


def test_own_tables_are_taken_as_they_stand() -> None:
    built = network(
        {
            "kind": "own",
            "source_bus": "mv",
            "bus": [{"name": "mv", "voltage_v": 10_000.0}, {"name": "bar"}, {"name": "end"}],
            "transformer": [{"name": "t", "from_bus": "mv", "to_bus": "bar", "high_v": 10_000.0, "power_va": 1e5}],
            "line": [{"name": "l", "from_bus": "bar", "to_bus": "end", "length_m": 70.0, "r1_ohm_per_km": 0.3}],
        },
        [{"count": 2, "bus": "end"}],
    )
    (line,), (transformer,) = built.feeder.lines, built.feeder.transformers
    assert (line.length_m, line.cable.r1_ohm_per_km) == (70.0, 0.3)  # type: ignore[union-attr] # by sequence
    assert (transformer.high_v, transformer.power_va) == (10_000.0, 1e5)
    assert built.level_v == 400.0


def test_a_bank_is_a_site_behind_the_homes() -> None:
    bank = {"name": "c", "kind": "capacitor-bank", "at": "bar"}
    built = network({"kind": "street"}, 2, station=[bank])
    assert [site.bus for site in built.feeder.sites] == ["house-1", "house-2", "bar"]


@pytest.mark.parametrize(
    ("keys", "taps"),
    [({}, (-2, 2, 0.025)), ({"steps": 9}, (-9, 9, 0.025)), ({"steps": 4, "step_percent": 1.5}, (-4, 4, 0.015))],
)
def test_a_tap_changer_brings_its_own_steps(keys: dict[str, Any], taps: tuple[int, int, float]) -> None:
    station = {"name": "t", "kind": "tap-changer", "at": "transformer", **keys}
    it = network({"kind": "street"}, station=[station]).feeder.transformers[0]
    assert (it.tap_least, it.tap_most, it.tap_step_pu) == taps


# Known networks: pandapower takes seconds to import


@pytest.mark.oracle
def test_the_european_feeder_has_55_customers_on_one_phase_each() -> None:
    built = network({"kind": "ieee-european-lv"}, 55)
    # Loads.txt of the test feeder: LOAD1 34.1, LOAD2 47.2, LOAD8 208.3, LOAD55 906.1.
    assert [built.places[row] for row in (0, 1, 7, 54)] == [
        Place("34", 0), Place("47", 1), Place("208", 2), Place("906", 0)
    ]  # fmt: skip
    assert built.level_v == pytest.approx(416.0)
    assert len(built.stated_w) == 0
    with pytest.raises(FeederError, match="56 without a bus: the feeder has places for 55"):
        network({"kind": "ieee-european-lv"}, 56)


@pytest.mark.oracle
def test_where_no_home_hangs_the_stated_loads_stay() -> None:
    built = network({"kind": "ieee-european-lv", "stated_share": 0.5}, 15)
    whole = network({"kind": "ieee-european-lv"}, 15)
    assert len(built.stated_w) == 40
    assert built.stated_w == pytest.approx(0.5 * whole.stated_w)
    assert [site.bus for site in built.feeder.sites[15:]] == [
        place.bus for place in network({"kind": "ieee-european-lv"}, 55).places[15:]
    ]


@pytest.mark.oracle
def test_three_zones_take_the_place_of_the_loads_at_their_buses() -> None:
    built = network({"kind": "cigre-mv", "zones": 3}, 30)
    assert [built.places[row].bus for row in (0, 10, 29)] == ["zone-1.house-1", "zone-2.house-1", "zone-3.house-10"]
    stated = {site.bus for site in built.feeder.sites[30:]}
    assert not stated & {"Bus 5", "Bus 14", "Bus 10"}
    # CIGRE's table of loads adds up to 44.74215 MW; buses 5, 10 and 14 draw 0.7275, 0.4753 + 0.068, 0.20855 + 0.3315.
    assert built.stated_w.sum() / 1e6 == pytest.approx(44.74215 - 0.7275 - 0.5433 - 0.54005, abs=1e-6)


@pytest.mark.oracle
def test_cables_and_transformers_are_pandapowers_standard_types() -> None:
    import pandapower

    from sim_hardware.world.street import MAIN, MAIN_A, SERVICE, SERVICE_A, TRANSFORMERS

    types = pandapower.create_empty_network()
    for name, cable, rating_a in (("NAYY 4x150 SE", MAIN, MAIN_A), ("NAYY 4x50 SE", SERVICE, SERVICE_A)):
        it = pandapower.load_std_type(types, name, "line")
        assert (cable.r1_ohm_per_km, cable.x1_ohm_per_km, cable.c1_nf_per_km, rating_a) == pytest.approx(
            (it["r_ohm_per_km"], it["x_ohm_per_km"], it["c_nf_per_km"], 1e3 * it["max_i_ka"])
        )
    for power_va, row in TRANSFORMERS.items():
        it = pandapower.load_std_type(types, f"{power_va / 1e6:g} MVA 20/0.4 kV", "trafo")
        assert row == pytest.approx((it["vk_percent"], it["vkr_percent"], it["i0_percent"], 1e3 * it["pfe_kw"]))
