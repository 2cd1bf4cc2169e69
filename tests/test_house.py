"""The house of DESIGN.md as a program: floors, fences, sizes, docstrings, one test file a source file.

Walks the syntax trees; imports nothing it judges.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "app/evenhand"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(PACKAGE)) for path in FILES]
FILE_LINES, FUNCTION_LINES, DOCSTRING_LINES = 350, 50, 8

FLOORS = {
    **dict.fromkeys(["flow", "text", "errors", "source", "checking"], 0),
    **dict.fromkeys(["rules", "dialects", "model"], 1),
    "engine": 2,
    **dict.fromkeys(
        [
            "asked",
            "casebook",
            "comparing",
            "database",
            "gold",
            "logged",
            "many",
            "parity",
            "processes",
            "published",
            "scoring",
            "settings",
            "trying",
        ],
        3,
    ),
    **dict.fromkeys(["proxy", "batch", "contrast", "probe", "report", "reporting", "showing"], 4),
    "cli": 5,
    "__main__": 6,
}
APART = [("rules", "dialects"), ("rules", "model"), ("dialects", "model"), ("engine", "dialects"), ("proxy", "showing")]
FENCES = {
    "ruamel": ["source.py"],
    "spacy": ["engine/", "model/"],
    "numpy": ["engine/", "model/"],
    "fastapi": ["proxy/"],
    "starlette": ["proxy/"],
    "uvicorn": ["proxy/"],
    "httpx": ["proxy/", "probe/"],
    "prometheus_client": ["proxy/"],
    "structlog": ["proxy/"],
    "watchfiles": ["proxy/"],
    "PIL": ["proxy/"],
    "backports": ["proxy/"],
    "botocore": ["proxy/"],
    "h11": ["proxy/"],
    "httptools": ["proxy/"],
    "jinja2": ["report/", "probe/"],
    "matplotlib": ["report/", "probe/"],
    "opentelemetry": ["proxy/watch/tracing.py"],
    "pandas": ["batch/spark.py"],
    "pyarrow": ["asked.py", "batch/"],
    "pyspark": ["batch/spark.py"],
    "ray": ["batch/on_ray.py"],
    "sqlalchemy": ["database.py"],
    "brotli": ["proxy/"],
    "typer": ["cli/"],
    "rich": ["cli/", "showing.py"],
    "re2": ["rules/"],
    "pydantic_core": ["checking.py", "gold.py", "settings.py"],
    "pydantic_settings": ["settings.py"],
    "pydantic": ["checking.py", "gold.py", "logged.py", "published.py", "settings.py", "rules/", "dialects/", "proxy/"],
}
PURE = ["flow.py", "text.py", "errors.py", "source.py", "checking.py", "engine/", "dialects/", "rules/compile.py"]
EFFECTS = {"time", "socket", "subprocess", "asyncio", "urllib.request", "secrets", "os"}
NO_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(path: Path) -> Iterator[str]:
    """Every dotted module name a file imports, wherever it stands, but not what only the type checker sees."""
    hidden = {
        id(inner)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree(path)):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.module or ""


def room(name: str) -> str:
    return name.split("/")[0].removesuffix(".py")


def within(name: str, places: list[str]) -> bool:
    return any(name == place or (place.endswith("/") and name.startswith(place)) for place in places)


def own_rooms(name: str) -> set[str]:
    return {module.split(".")[1] for module in imports(PACKAGE / name) if module.startswith("evenhand.")}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__init__.py"])
def test_every_room_has_its_floor_and_imports_go_down(name: str) -> None:
    assert room(name) in FLOORS, f"{room(name)} stands on no floor"
    up = {other for other in own_rooms(name) if other != room(name) and FLOORS[other] > FLOORS[room(name)]}
    assert not up, f"{name} imports {up} from a floor above"


@pytest.mark.parametrize(("one", "other"), APART)
def test_neighbours_do_not_know_each_other(one: str, other: str) -> None:
    known = [name for name in NAMES for a, b in ((one, other), (other, one)) if room(name) == a and b in own_rooms(name)]
    assert not known


@pytest.mark.parametrize("name", NAMES)
def test_third_parties_stay_in_their_room(name: str) -> None:
    used = {module.split(".")[0] for module in imports(PACKAGE / name)}
    strays = {library for library in used & set(FENCES) if not within(name, FENCES[library])}
    assert not strays, f"{name} imports {strays}"


@pytest.mark.parametrize("name", [name for name in NAMES if room(name) == "engine"])
def test_the_engine_sees_compiled_rules_only(name: str) -> None:
    seen = {module for module in imports(PACKAGE / name) if module.startswith("evenhand.rules")}
    assert seen <= {"evenhand.rules.ruleset", "evenhand.rules.schema"}


@pytest.mark.parametrize("name", [name for name in NAMES if within(name, PURE)])
def test_pure_rooms_have_no_effects(name: str) -> None:
    assert not EFFECTS & set(imports(PACKAGE / name))
    opened = [node.lineno for node in calls(PACKAGE / name) if isinstance(node.func, ast.Name) and node.func.id == "open"]
    assert not opened
    global_state = [node.func.attr for node in calls(PACKAGE / name) if is_attribute_of(node.func, "random")]
    assert not [attribute for attribute in global_state if attribute != "Random"], "draw from a seeded random.Random"


def is_attribute_of(node: ast.expr, name: str) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


@pytest.mark.parametrize("name", [name for name in NAMES if room(name) != "cli"])
def test_only_the_command_line_prints(name: str) -> None:
    printing = [node.lineno for node in calls(PACKAGE / name) if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not printing


@pytest.mark.parametrize("name", NAMES)
def test_files_are_short(name: str) -> None:
    assert len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_short_and_say_what_they_return(name: str) -> None:
    for node in functions(PACKAGE / name):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        assert length <= FUNCTION_LINES, f"{name}:{node.lineno}: {node.name} has {length} lines"
        assert node.returns is not None, f"{name}:{node.lineno}: {node.name} does not say what it returns"


def test_the_median_function_is_small() -> None:
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for path in FILES for node in functions(path))
    assert lengths[len(lengths) // 2] <= 9


@pytest.mark.parametrize("name", NAMES)
def test_modules_say_what_they_are_for(name: str) -> None:
    docstring = ast.get_docstring(tree(PACKAGE / name))
    assert docstring, f"{name} has no docstring"
    assert len(docstring.splitlines()) <= DOCSTRING_LINES


@pytest.mark.parametrize("name", NAMES)
def test_names_say_something(name: str) -> None:
    assert not NO_NAMES & set(name.removesuffix(".py").split("/"))
    classes = [node.name for node in ast.walk(tree(PACKAGE / name)) if isinstance(node, ast.ClassDef)]
    assert not [one for one in classes if one.endswith(("Manager", "Helper", "Util", "Utils"))]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_to_do(name: str) -> None:
    text = (PACKAGE / name).read_text(encoding="utf-8")
    assert not [word for word in ("TODO", "FIXME", "XXX", "NotImplementedError") if word in text]


@pytest.mark.parametrize("name", [name for name in NAMES if Path(name).stem not in ("__init__", "__main__")])
def test_every_source_file_has_its_tests(name: str) -> None:
    path = Path(name)
    assert (ROOT / "tests" / path.parent / f"test_{path.name}").is_file(), f"tests/{path.parent}/test_{path.name} is missing"


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=str)
def test_tests_mock_nothing(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith(("unittest.mock", "mock", "pytest_mock", "respx", "responses"))]
