"""A name that a class body gives twice: the second one wins, and nothing says so.

A merge that puts two ``_inherit`` lines into one class drops the mixins of the first.
"""

import ast

from . import layout

FOLDERS = ("models", "wizard", "controllers", "report", "rating", "tools", "tests")


def find():
    """Return a sentence on each name of the module that a class gives twice."""
    return [
        sentence
        for folder in FOLDERS
        for path in sorted((layout.ROOT / folder).rglob("*.py"))
        for sentence in _find_in(path)
    ]


def _find_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            first = {}
            for name, line in _given_names(node):
                if name in first:
                    where = f"{path.relative_to(layout.ROOT)}:{line}"
                    yield f"{where}: {node.name} gives {name} again, after line {first[name]}"
                first.setdefault(name, line)


def _given_names(node):
    """Yield (name, line) of what a class body gives a name to."""
    for part in node.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            if not any(_comes_in_parts(decorator) for decorator in part.decorator_list):
                yield part.name, part.lineno
        elif isinstance(part, ast.ClassDef):
            yield part.name, part.lineno
        elif isinstance(part, ast.Assign):
            for target in part.targets:
                yield from _names_of(target)
        elif isinstance(part, ast.AnnAssign) and part.value:
            yield from _names_of(part.target)


def _names_of(target):
    for name in ast.walk(target):
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
            yield name.id, name.lineno


def _comes_in_parts(decorator):
    """Tell whether a method is one of several under a name: of a property, an overload."""
    if isinstance(decorator, ast.Attribute):
        return decorator.attr in ("setter", "getter", "deleter", "overload", "register")
    return isinstance(decorator, ast.Name) and decorator.id == "overload"
