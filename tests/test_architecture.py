"""The layers drawn in rmqsync/__init__.py: imports point down, libraries stay in their place."""

import ast
from pathlib import Path

import pytest

import rmqsync

ROOT = Path(rmqsync.__file__).parent
LAYERS = [  # top first; modules on one line do not import each other
    {"cli"},
    {"daemon"},
    {"wiring_files", "wiring_history"},
    {"wiring"},
    {"adapters"},
    {"run_options"},
    {"app", "broker", "history", "repo", "report"},
    {"planning"},
    {"analysis", "loading"},
    {"config"},
    {"text"},
    {"kinds"},
    {"model"},
    {"version"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ONLY_IN = {
    "apprise": {"daemon"},
    "apscheduler": {"daemon"},
    "click": {"cli"},
    "deepdiff": {"planning"},
    "sqlite3": {"history"},
    "fastapi": {"daemon"},
    "git": {"repo"},
    "jinja2": {"daemon"},
    "jsonschema": {"text", "report"},
    "jsonschema_rs": {"text"},
    "pika": {"broker"},
    "pcre2": {"analysis", "broker", "kinds"},
    "prometheus_client": {"daemon"},
    "requests": {"broker"},
    "rich": {"cli"},
    "sqlalchemy": {"history"},
    "starlette": {"daemon"},
    "uvicorn": {"daemon"},
    "ruamel": {"text"},
    "yaml": {"text"},
}
PURE = {"analysis", "model", "kinds", "text", "config", "loading", "planning", "report"}
IMPURE = {"os.environ", "socket", "subprocess", "urllib.request", "time", "random"}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem in LEVEL)


def layer_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def name_of(path):
    return str(path.relative_to(ROOT))


def test_the_drawing_names_every_layer():
    missing = [name for name in LEVEL if name not in rmqsync.__doc__ and name != "version"]

    assert missing == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path):
    here = layer_of(path)
    assert here in LEVEL, f"{here} is in no layer"

    upward = [
        name
        for name in imports(path)
        if name.startswith("rmqsync.")
        and (there := name.split(".")[1]) != here
        and LEVEL[there] <= LEVEL[here]
    ]

    assert upward == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_libraries_stay_in_their_layer(path):
    here = layer_of(path)

    astray = [name for name in imports(path) if here not in ONLY_IN.get(name.split(".")[0], {here})]

    assert astray == []


@pytest.mark.parametrize("path", [p for p in MODULES if layer_of(p) in PURE], ids=name_of)
def test_what_decides_does_no_io(path):
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert not calls & {"open", "input", "print"}
    assert not IMPURE & set(imports(path))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
