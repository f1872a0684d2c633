"""No module turns data into code, a command or markup; the exceptions are listed here with their reasons."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support.paths import REPOSITORY

PACKAGES = ("config", "dataflows", "sim", "ui", "scripts")

DANGEROUS = {
    "eval", "exec", "compile", "__import__", "importlib.import_module", "runpy.run_path", "code.interact",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "marshal.load", "shelve.open",
    "numpy.load", "pandas.read_pickle", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell", "tempfile.mktemp",
    "streamlit.html", "streamlit.components", "streamlit.components.v1",
}  # fmt: skip
"""Calls that turn data into code, a command or markup, or open a file that someone else may have created."""

UNSAFE_MODULES = {"dill", "cloudpickle", "joblib", "jsonpickle", "jinja2", "telnetlib"}
UNSAFE_ARGUMENTS = {"shell", "unsafe_allow_html", "allow_pickle"}

ALLOWED: dict[tuple[str, str], str] = {
    **{
        (file, f"jinja2.{name}"): "its templates are ours, and escape what is put in"
        for file in ("dataflows/report/html.py", "ui/login/form.py")
        for name in ("Environment", "FileSystemLoader", "StrictUndefined")
    },
    ("dataflows/stored_state.py", "pickle.Unpickler"): "finds nothing but what an allow-list names",
    ("dataflows/compiled/__main__.py", "pickle.load"): "reads what the process that has started it writes",
    ("ui/fleet/page.py", "streamlit.html"): "a style sheet, which holds nothing foreign",
    ("ui/demo/panel.py", "streamlit.html"): "a style sheet, which holds nothing foreign",
    ("ui/page.py", "streamlit.html"): "a style sheet, which holds nothing foreign",
    ("ui/assets/__init__.py", "streamlit.components"): "loads modules of ours; what they show is data",
}
"""(file, name) → why it is no danger there."""


def dangers(source: str) -> set[str]:
    """The dangerous calls in a module, whatever name they are imported under."""
    tree = ast.parse(source)
    full = dict(_imports(tree))
    found = {name for name in full.values() if name in DANGEROUS or name.split(".")[0] in UNSAFE_MODULES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = ast.unparse(node)
            first, dot, rest = name.partition(".")
            name = f"{full.get(first, first)}{dot}{rest}".removeprefix("builtins.")
            found |= {name} & DANGEROUS
        elif isinstance(node, ast.Call):
            for argument in node.keywords:
                off = isinstance(argument.value, ast.Constant) and argument.value.value is False
                if argument.arg in UNSAFE_ARGUMENTS and not off:
                    found.add(f"{argument.arg}=")
    return found


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def test_no_module_turns_data_into_code_a_command_or_markup() -> None:
    files = [file for package in PACKAGES for file in (REPOSITORY / package).rglob("*.py")]
    assert len(files) > 50
    found = {
        (file.relative_to(REPOSITORY).as_posix(), danger)
        for file in files
        for danger in dangers(file.read_text(encoding="utf-8"))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    ("source", "danger"),
    [
        ("eval(text)", "eval"),
        ("list(map(eval, texts))", "eval"),
        ("import builtins\nbuiltins.exec(text)", "exec"),
        ("import os\nos.system(text)", "os.system"),
        ("from os import system as run", "os.system"),
        ("import numpy as np\nnp.load(file)", "numpy.load"),
        ("from pickle import loads", "pickle.loads"),
        ("import pickle as p\np.Unpickler(file).load()", "pickle.Unpickler"),
        ("import subprocess\nsubprocess.run(text, shell=True)", "shell="),
        ("import subprocess\nsubprocess.run(text, shell=how)", "shell="),
        ("import streamlit as st\nst.markdown(text, unsafe_allow_html=True)", "unsafe_allow_html="),
        ("import streamlit.components.v1 as components", "streamlit.components.v1"),
        ("import streamlit as st\nst.components.v1.html(text)", "streamlit.components.v1"),
        ("import joblib\njoblib.load(file)", "joblib"),
    ],
)
def test_a_dangerous_call_is_found_under_every_name(source: str, danger: str) -> None:
    assert danger in dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "import re\nre.compile(text)",
        "run(command, shell=False)",
        "import json\njson.loads(text)",
        "model.evaluate()",
    ],
)
def test_harmless_calls_with_similar_names_are_not_reported(source: str) -> None:
    assert dangers(source) == set()
