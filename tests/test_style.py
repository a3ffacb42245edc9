"""The house rules no linter knows, tried first on code that breaks them and then on the house."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("firmware_py", "drivers", "controller", "protocols", "sim_hardware")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

FUNCTION_LINES = 60
MODULE_LINES = 500
# Register tables may be as long as the data sheet: name them here, as `drivers/meters/sdm630.py`.
REGISTER_TABLES: frozenset[str] = frozenset()

QUANTITY = re.compile(r".+_(w|v|a|wh|hz|s|percent|var|va|c)")


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def long_functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"line {node.lineno}: {node.name} has {lines} lines, allowed are {FUNCTION_LINES}"


def operands(expression: ast.expr) -> Iterator[ast.expr]:
    """What decides the truth of an expression: the parts of `and` and `or`, else itself."""
    if isinstance(expression, ast.BoolOp):
        for value in expression.values:
            yield from operands(value)
    else:
        yield expression


def decides_by_truth(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
                yield from operands(test)
            case ast.UnaryOp(op=ast.Not(), operand=test) | ast.match_case(guard=ast.expr() as test):
                yield from operands(test)
            case ast.Call(func=ast.Name(id="bool"), args=[test]):
                yield from operands(test)
            case ast.BoolOp(values=[*tests, _]):
                for test in tests:
                    yield from operands(test)
            case ast.comprehension(ifs=tests):
                for test in tests:
                    yield from operands(test)
            case _:
                pass


def named(expression: ast.expr) -> str:
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.NamedExpr(target=ast.Name(id=name)):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name
        case _:
            return ""


def quantities_as_truth(tree: ast.Module) -> set[str]:
    return {
        f"line {test.lineno}: {named(test)} is tested for truth, but zero is an answer: write `is not None` or `!= 0`"
        for test in decides_by_truth(tree)
        if QUANTITY.fullmatch(named(test))
    }


@pytest.mark.parametrize(
    "line",
    [
        "if power_w: pass",
        "while self.soc_percent: pass",
        "limit_w = asked_w or rated_w",
        "limit_w = known and reading.power_w or 0",
        "gone = not voltage_v",
        "x = 1 if frequency_hz else 2",
        "assert energy_wh",
        "x = [a for a in readings if a.current_a]",
        "if fresh and reactive_var: pass",
        "if (age_s := now()): pass",
        "x = bool(apparent_va)",
        "x = row['temperature_c'] or 20",
        "x = row.get('temperature_c') or 20",
        "match x:\n    case 1 if power_w: pass",
    ],
)
def test_a_quantity_as_truth_is_found(line: str) -> None:
    assert quantities_as_truth(ast.parse(line))


@pytest.mark.parametrize(
    "line",
    [
        "if power_w is not None: pass",
        "if power_w > 0 and not fresh: pass",
        "x = fresh and power_w",
        "if readings: pass",
        "if w: pass",
        "if is_within(power_w): pass",
    ],
)
def test_what_is_no_quantity_as_truth_is_left_alone(line: str) -> None:
    assert not quantities_as_truth(ast.parse(line))


@pytest.mark.parametrize(("lines", "found"), [(FUNCTION_LINES, 0), (FUNCTION_LINES + 1, 1)])
def test_a_long_function_is_found(lines: int, found: int) -> None:
    body = "\n".join(["async def f():", *["    pass"] * (lines - 1)])
    assert len(list(long_functions(ast.parse(body)))) == found


def test_there_is_a_house_to_look_at() -> None:
    assert {name_of(module).split("/")[0] for module in MODULES} == set(PACKAGES)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_module_keeps_the_house_rules(module: Path) -> None:
    text = module.read_text()
    tree = ast.parse(text)
    broken = [*long_functions(tree), *sorted(quantities_as_truth(tree))]
    lines = text.count("\n")
    if lines > MODULE_LINES and name_of(module) not in REGISTER_TABLES:
        broken.append(f"{lines} lines, allowed are {MODULE_LINES}; or is it a register table?")
    assert not broken, "\n".join([name_of(module), *broken])


# In two halves each, or this file would be the first to break the rule.
FOREIGN = tuple(
    first + second
    for first, second in (
        ("py", "pi.org"),
        ("python", "hosted"),
        ("registry.np", "mjs"),
        ("deb.deb", "ian"),
        ("/wo", "rk/"),
        ("/fa", "rm/"),
        ("/opt/py", "pi"),
    )
)
NOT_OURS = {".git", ".venv", ".hypothesis", "__pycache__", "build", "dist"}


def our_files(folder: Path = ROOT) -> Iterator[Path]:
    """Every file of the project; git may be absent where the tests run."""
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.name.endswith("_cache"):
            continue
        if path.is_dir():
            yield from our_files(path)
        else:
            yield path


def foreign_names(text: str) -> list[str]:
    return [name for name in FOREIGN if name in text]


def test_a_foreign_name_is_found() -> None:
    assert [foreign_names(f"see https://{name}x") for name in FOREIGN] == [[name] for name in FOREIGN]


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    files = list(our_files())
    assert ROOT / "requirements.lock" in files
    found = {str(path.relative_to(ROOT)): foreign_names(path.read_text(errors="ignore")) for path in files}
    assert not {name: names for name, names in found.items() if names}
