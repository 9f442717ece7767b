"""The order of the layers, who may import what, what start-up imports, and that everything a user meets is documented."""
from __future__ import annotations

import ast
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from adcli import errors
from tests import errors_page
from tests.errors_page import classes
from tests.invoke import environment, invoke

ROOT = pathlib.Path(__file__).parent.parent
PACKAGE = ROOT / "adcli"
LAYERS = ["errors", "ops", "syntax", "ir", "lower", "passes", "ad", "engines", "optimize", "symbolic", "data", "report", "api", "cli"]
OWNERS = {
    "lark": {"syntax"},
    "click": {"cli"},
    "rich": {"cli"},
    "numpy": {"ops", "engines", "optimize", "symbolic", "data", "api", "cli", "report"},
    "llvmlite": {"engines"},
    "polars": {"data"},
    "mpmath": {"engines"},
    "scipy": {"optimize"},
}
# Loaded only where there are arrays or rows, and made of NumPy.
ABOUT_ARRAYS = {
    "engines/native/numpy_forms.py", "engines/native/rows.py", "engines/native/sums.py", "engines/rows/columns.py",
    "engines/rows/elements.py", "engines/rows/sums.py", "engines/precise_arrays.py",
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: pathlib.Path) -> Iterator[tuple[str, bool]]:
    """Every module a file imports, and whether at its top level or only under `if TYPE_CHECKING`/in a function."""
    tree = ast.parse(path.read_text())
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] + ([f"{node.module}.{a.name}" for a in node.names] if node.module == "adcli" else [])
        for name in names:
            yield name, id(node) in top


def layer(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", [p for p in MODULES if layer(p) in LAYERS], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path: pathlib.Path) -> None:
    rank = LAYERS.index(layer(path))
    used = {name.split(".")[1] for name, _ in imports(path) if name.startswith("adcli.")}
    above = {name for name in used if name in LAYERS and LAYERS.index(name) > rank}
    assert not above


SPEAKING = ("cli", "api", "data", "optimize", "lower", "syntax")


@pytest.mark.parametrize("path", [p for p in MODULES if layer(p) in SPEAKING], ids=lambda p: p.stem)
def test_errors_say_what_to_do(path: pathlib.Path) -> None:
    """Whoever makes an error gives it a help line."""
    kinds = {cls.__name__ for cls in classes()}
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    made = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id in kinds]
    assert not [node.lineno for node in made if not any(k.arg in ("help", None) for k in node.keywords)]


def test_every_module_has_a_layer() -> None:
    assert {layer(p) for p in MODULES} <= {*LAYERS, "__init__", "__main__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_outside_packages_have_one_owner(path: pathlib.Path) -> None:
    for name, top in imports(path):
        package = name.split(".")[0]
        assert layer(path) in OWNERS.get(package, {layer(path)}), f"{package} is not for {layer(path)}"
        assert package != "polars" or path.name == "frames.py"
        assert package != "mpmath" or path.name == "precise.py"
        assert package != "scipy" or str(path.relative_to(PACKAGE)) == "optimize/__init__.py"
        whole = path.name in {"arrays.py", "matrices.py"} or layer(path) == "optimize" or str(path.relative_to(PACKAGE)) in ABOUT_ARRAYS
        lazy = package == "scipy" or (package in {"rich", "numpy", "polars", "mpmath"} and not whole)
        assert not (top and lazy), f"{package} must be imported lazily"
        assert package in {*OWNERS, "adcli"} or package in sys.stdlib_module_names | {"__future__"}, package


def loaded(*words: str) -> set[str]:
    """The top-level modules a process has imported after running `adcli words…`."""
    script = (
        "import sys, adcli.cli\n"
        "try: adcli.cli.main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, env=environment(), check=True)
    return set(done.stderr.split())


def test_a_scalar_gradient_imports_neither_numpy_nor_rich() -> None:
    modules = loaded("grad", "x1*x2+sin(x1)", "--at", "x1=2,x2=5", "--json")
    assert "click" in modules
    assert not modules & {"numpy", "rich", "mpmath", "scipy", "sympy", "pickle", "ctypes"}


def test_an_array_does_import_numpy() -> None:
    assert "numpy" in loaded("grad", "sum(w^2)", "--at", "w=[1,2]")


def test_rows_of_plain_csv_need_no_polars(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x.csv").write_text("x\n1\n2\n")
    assert not loaded("grad", "x^2", "--data", str(tmp_path / "x.csv")) & {"polars", "rich"}


def test_help_imports_little() -> None:
    assert not loaded("--help") & {"numpy", "rich", "lark"}


def commands() -> list[str]:
    found = re.findall(r"^  ([a-z]+)  ", invoke(["--help"]).out, re.M)
    assert {"eval", "grad", "trace", "fmt"} <= set(found)
    return found


def test_a_command_is_a_module_of_its_name() -> None:
    assert {path.stem for path in (PACKAGE / "cli" / "commands").glob("*.py")} - {"__init__"} == set(commands())


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_imports_a_command(path: pathlib.Path) -> None:
    """What two commands share stands beside them; only the group loads one, by its name."""
    assert not [name for name, _ in imports(path) if name.startswith("adcli.cli.commands")]


@pytest.mark.parametrize("part", ["heading", "example", "help"])
def test_every_command_is_documented(part: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    sessions = "\n".join(re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S))
    for name in commands():
        if part == "heading":
            assert re.search(rf"^#+ .*`{name}`", page, re.M), name
        elif part == "example":
            assert re.search(rf"adcli {name}\b", sessions), name
        else:
            assert len(invoke([name, "--help"]).out) > 100, name


def test_every_json_schema_is_documented() -> None:
    page = (ROOT / "docs" / "json.md").read_text()
    used = {found for path in MODULES for found in re.findall(r"adcli/[a-z-]+/\d", path.read_text())}
    assert used <= set(re.findall(r"adcli/[a-z-]+/\d", page))


def test_every_error_is_documented() -> None:
    for cls in classes():
        assert cls.__doc__, cls
    assert errors_page.PAGE.read_text() == errors_page.page(), "make update"


RAISED = sorted((cls for cls in set(classes()) if not (cls.__doc__ or "").startswith("Base of")), key=lambda cls: cls.code)


@pytest.mark.parametrize("cls", RAISED, ids=lambda cls: cls.code)
def test_help_explains_every_error(cls: type[errors.AdcliError]) -> None:
    done = invoke(["help", cls.code])
    assert done.code == 0
    assert (cls.__doc__ or "").split("\n")[0].strip() in done.out


def test_nothing_points_outside_the_project() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\0")
    for name in filter(None, listed):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".adl", ".lark", ".toml", ".jsonl"} and path.is_file():
            assert not re.search(r"/(?:work|root)/[a-z.]|\.\./share[d]", path.read_text()), name
