"""The source of a function and of everything that it needs from the files it was written in, as one module.

Definitions are copied as they are written, in an order in which each follows what it needs; imports of torch and of the
standard library stay imports. Only default values that declare a search (:func:`neuroguide.nas.spaces.choice`) are cut.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import symtable
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from neuroguide._core.errors import InputError

#: What the written module may import beside the standard library.
ALLOWED = ("torch", "safetensors")
_CHOICE = "neuroguide.nas.spaces.declared"
#: Remarks to the tools of the file that code is copied from.
_REMARK = re.compile(r"\s*# (type: ignore|noqa|fmt: skip)[^#]*$")


@dataclass
class Collection:
    """Definitions and imports gathered so far.

    Parameters
    ----------
    reserved : frozenset of str
        Names that the module's own functions have.

    Attributes
    ----------
    definitions : dict of str to str
        Source by name, each after what it needs.
    imports : set of str
        Lines.
    """

    reserved: frozenset[str] = frozenset()
    definitions: dict[str, str] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    _owners: dict[str, str] = field(default_factory=dict)
    _files: dict[str, _File] = field(default_factory=dict)

    def add(self, thing: Callable[..., Any]) -> str:
        """Gather a function or class with everything that it needs; returns its name.

        Raises
        ------
        InputError
            If it is no plain definition of a file, needs another package, or two files define one name differently.
        """
        name, module = getattr(thing, "__qualname__", repr(thing)), getattr(thing, "__module__", None)
        if not name.isidentifier() or module not in sys.modules:
            raise InputError(
                f"{name} cannot be written as source, since it is no function or class at the top of a file; "
                "make it one"
            )
        self._take(str(module), name, frozenset({Path(inspect.getfile(thing)).resolve().parent}))
        return name

    def _take(self, module: str, name: str, folders: frozenset[Path]) -> None:
        file = self._file(module)
        node = file.defined.get(name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._follow(file, node, name, folders)
        elif node is not None:
            self._define(file, node, name, folders)
        elif name not in file.typing and not hasattr(builtins, name) and name not in ("__file__", "__name__"):
            raise InputError(
                f"{file.path} uses {name!r}, which it defines in a way that cannot be copied; define it plainly"
            )

    def _define(self, file: _File, node: ast.stmt, name: str, folders: frozenset[Path]) -> None:
        owner = self._owners.setdefault(name, file.module)
        if owner != file.module or name in self.reserved:
            other = "the exported module itself" if name in self.reserved else sys.modules[owner].__file__
            raise InputError(f"both {file.path} and {other} define {name!r}; rename one of them, then export again")
        if name in self.definitions or name in file.busy:
            return
        file.busy.add(name)
        source = file.source(node)
        for needed in _names(source):
            self._take(file.module, needed, folders)
        for bound in _bound(node):
            self._owners[bound] = file.module
            file.busy.add(bound)
        self.definitions[name] = source

    def _follow(self, file: _File, node: ast.Import | ast.ImportFrom, name: str, folders: frozenset[Path]) -> None:
        alias = next(a for a in node.names if (a.asname or a.name.partition(".")[0]) == name)
        source = node.module if isinstance(node, ast.ImportFrom) else alias.name
        top = str(source).partition(".")[0]
        relative = isinstance(node, ast.ImportFrom) and node.level > 0
        if not relative and (top in ALLOWED or top in sys.stdlib_module_names):
            renamed = f" as {alias.asname}" if alias.asname else ""
            beginning = (
                f"from {source} import {alias.name}" if isinstance(node, ast.ImportFrom) else f"import {alias.name}"
            )
            self.imports.add(beginning + renamed)
            return
        found = sys.modules.get(str(source))
        beside = (
            found is not None
            and getattr(found, "__file__", None)
            and Path(str(found.__file__)).resolve().parent in folders
        )
        if relative or not isinstance(node, ast.ImportFrom) or not (top == "neuroguide" or beside):
            raise InputError(
                f"{file.path} needs {source or '.'}, and an exported module needs torch only; keep what builds the "
                "network in one file (or in files beside it, by `from helper import name`)"
            )
        self._take(str(source), alias.name, folders)
        if alias.asname and alias.asname != alias.name:
            self.definitions.setdefault(alias.asname, f"{alias.asname} = {alias.name}")

    def _file(self, module: str) -> _File:
        if module not in self._files:
            self._files[module] = _File.of(sys.modules[module])
        return self._files[module]


@dataclass
class _File:
    """One parsed source file: its top-level definitions and imports by name.

    ``typing`` holds names that are only there for type checkers, ``choices`` those of :func:`choice`.
    """

    module: str
    path: str
    lines: list[str]
    defined: dict[str, ast.stmt]
    choices: frozenset[str]
    typing: frozenset[str]
    busy: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, module: ModuleType) -> _File:
        text = inspect.getsource(module)
        defined: dict[str, ast.stmt] = {}
        choices, typing = set(), set()
        for node in ast.parse(text).body:
            defined |= dict.fromkeys(_bound(node), node)
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                typing |= {name for inner in node.body for name in _bound(inner)}
            if isinstance(node, ast.ImportFrom):
                choices |= {
                    alias.asname or alias.name
                    for alias in node.names
                    if getattr(getattr(module, alias.asname or alias.name, None), "__module__", "") == _CHOICE
                }
        lines = text.splitlines()
        return cls(module.__name__, str(module.__file__), lines, defined, frozenset(choices), frozenset(typing))

    def source(self, node: ast.stmt) -> str:
        """A definition's lines with decorators and the comments right above it."""
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)]) - 1
        while first > 0 and self.lines[first - 1].startswith("#"):
            first -= 1
        lines = list(self.lines[first : node.end_lineno])
        for cut in reversed(list(self._cuts(node))):
            _remove(lines, first, cut)
        return "\n".join(_REMARK.sub("", line) for line in lines)

    def _cuts(self, node: ast.stmt) -> Iterator[tuple[int, int, int, int]]:
        """Where a field's default is a choice of the search: from behind its annotation to behind its value."""
        for item in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(item, ast.AnnAssign) and isinstance(item.value, ast.Call):
                function = item.value.func
                if isinstance(function, ast.Name) and function.id in self.choices:
                    start, end = item.annotation, item.value
                    yield (
                        start.end_lineno or 0,
                        start.end_col_offset or 0,
                        end.end_lineno or 0,
                        end.end_col_offset or 0,
                    )


def _remove(lines: list[str], first: int, cut: tuple[int, int, int, int]) -> None:
    """Cut text out of lines, of which the first is line ``first`` (from 0); columns count bytes of UTF-8."""
    start, from_column, end, to_column = cut
    head = lines[start - 1 - first].encode()[:from_column].decode()
    tail = lines[end - 1 - first].encode()[to_column:].decode()
    lines[start - 1 - first : end - first] = [head + tail]


def _bound(node: ast.stmt) -> list[str]:
    """The names that a top-level statement gives a meaning."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return []


def _names(source: str) -> list[str]:
    """The global names that a definition uses, in the order of their first use in a scope."""
    found: dict[str, None] = {}
    tables = [symtable.symtable(source, "definition", "exec")]
    while tables:
        table = tables.pop(0)
        tables += table.get_children()
        for symbol in table.get_symbols():
            outside = symbol.is_global() or (table.get_type() == "module" and not symbol.is_assigned())
            if symbol.is_referenced() and outside:
                found[symbol.get_name()] = None
    return list(found)
