"""The habits of the house: sizes, names, documentation and language hold for every file."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import jrft
import jwi

ROOT = Path(__file__).parents[1]
PACKAGES = {"jwi": jwi, "jrft": jrft}
FILES = sorted(
    file for floor in ("jwi", "jrft", "experiments") for file in (ROOT / floor).rglob("*.py")
)
MOST_LINES = 330
MOST_PARAMETERS = 8
MOST_FILES_AT_A_ROOT = 5
# British spellings, headings that have another name here, and double backticks.
OTHER_DIALECT = re.compile(
    r"neighbour|colour|initialis|normalis|summaris|behaviour|(?<!num_)labell(?!ed_prompt)|minimis|maximis|learnt|"
    r"grey|centred|optimis(?!tix)|^\s*(Examples|Source|Sources|Reference):$|(?<!`)``(?!`)",
    re.MULTILINE,
)


def public_objects():
    """(name, object) of every public name that is a function or a class, each once."""
    for package, module in PACKAGES.items():
        for name in module.__all__:
            value = getattr(module, name)
            members = [(name, value)]
            if isinstance(value, ModuleType):
                members = [
                    (f"{name}.{inner}", member)
                    for inner, member in vars(value).items()
                    if not inner.startswith("_")
                    and getattr(member, "__module__", None) == value.__name__
                ]
            for full, member in members:
                if inspect.isfunction(member) or inspect.isclass(member):
                    yield f"{package}.{full}", member


def trees():
    for file in FILES:
        yield str(file.relative_to(ROOT)), ast.parse(file.read_text("utf-8"))


def test_a_file_has_one_subject():
    lines = {
        str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in FILES
    }
    assert not {file: count for file, count in lines.items() if count > MOST_LINES}


def test_few_files_stand_at_a_root():
    for floor in ("jwi", "jrft", "experiments"):
        files = [file for file in (ROOT / floor).glob("*.py") if not file.stem.startswith("__")]
        assert len(files) <= MOST_FILES_AT_A_ROOT


def test_functions_take_few_parameters():
    # Compiled loops pass arrays, not objects.
    compiled = ("njit", "cfunc")
    found = []
    for file, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef):
                continue
            if any(word in ast.unparse(each) for each in node.decorator_list for word in compiled):
                continue
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            if len(arguments) > MOST_PARAMETERS:
                found.append((file, node.name))
    assert not found


def test_public_names_are_documented_and_most_by_an_example():
    objects = dict(public_objects())
    assert len(objects) > 150
    undocumented = [name for name, value in objects.items() if not (value.__doc__ or "").strip()]
    assert not undocumented
    with_example = [name for name, value in objects.items() if ">>> " in value.__doc__]
    assert len(with_example) >= 0.6 * len(objects)


def test_no_public_name_hides_a_module():
    for package in PACKAGES:
        for init in (ROOT / package).rglob("__init__.py"):
            room = ".".join(init.parent.relative_to(ROOT).parts)
            module = importlib.import_module(room)
            for file in init.parent.iterdir():
                if file.suffix == ".py" and not file.stem.startswith("__"):
                    importlib.import_module(f"{room}.{file.stem}")
                    assert isinstance(getattr(module, file.stem), ModuleType), f"{room}.{file.stem}"


def test_one_dialect():
    found = {
        str(file.relative_to(ROOT)): OTHER_DIALECT.findall(file.read_text("utf-8"))
        for file in FILES
    }
    assert not {file: words for file, words in found.items() if words}


def test_errors_end_without_a_full_stop():
    found = []
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                message = node.exc.args[0]
                last = message.values[-1] if isinstance(message, ast.JoinedStr) else message
                if isinstance(last, ast.Constant) and str(last.value).endswith("."):
                    found.append(f"{file}:{node.lineno}")
    assert not found
