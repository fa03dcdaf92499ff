"""Everything that the code writes into the trail can be put into words: kinds, facts, and actors without an account."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from django.contrib import admin

from core.admin import _names

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "stations", "couriers", "points", "partners")
KIND = re.compile(r"[a-z_-]+\.[a-z_-]*[a-z](?<!json)(?<!csv)")
SHAPE = {"changed", "before", "after"}  # how a change is kept, no fact of its own


def written(app: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / app).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "migrations" not in path.parts and ("audit.record" in text or "actor=" in text or "ACTOR" in text):
            yield path.relative_to(ROOT), ast.parse(text)


def texts(*nodes: ast.AST) -> Iterator[str]:
    for node in chain.from_iterable(map(ast.walk, nodes)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_record(node: ast.AST) -> bool:
    """Also a module's own `_record`, to which callers hand what is kept."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.record", "audit.record_many", "_record")


def kinds(module: ast.Module) -> set[str]:
    """What looks like a kind in a module that writes into the trail: some are chosen by a caller further up."""
    return {text for text in texts(module) if KIND.fullmatch(text)} if any(map(is_record, ast.walk(module))) else set()


def facts(module: ast.Module) -> set[str]:
    """The keys of the dictionaries that reach the trail: said in the call, in a name it uses, or by a function it calls."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    found: set[str] = set()
    for function in functions:
        for call in filter(is_record, ast.walk(function)):
            assert isinstance(call, ast.Call)
            said: list[ast.AST] = [each.value for each in call.keywords if each.arg in ("data", "subjects")]
            names = {node.id for each in said for node in ast.walk(each) if isinstance(node, ast.Name)}
            said += [each for each in functions if each.name in names]
            said += [
                node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None
                if names & {ast.unparse(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])}
            ]
            for each in chain.from_iterable(map(ast.walk, said)):
                if isinstance(each, ast.Dict):
                    found.update(texts(*(key for key in each.keys if isinstance(key, ast.Constant))))
    return found - SHAPE


def actors(module: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == "actor" and isinstance(node.value, ast.Constant):
            found.add(str(node.value.value))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ACTOR":
            found.add(str(ast.literal_eval(node.value)))
    return found


@pytest.mark.parametrize("app", APPS)
def test_what_is_written_into_the_trail_has_words(app: str) -> None:
    admin.autodiscover()
    lacking = {
        f"{path}: {name}"
        for path, module in written(app)
        for name in kinds(module) | facts(module) | {f"actor:{actor}" for actor in actors(module)}
        if name not in _names
    }
    assert not lacking, "name them by core.admin.name_in_trail"


def test_the_search_finds_what_is_written() -> None:
    found = [(kinds(module), facts(module), actors(module)) for app in APPS for _path, module in written(app)]
    every_kind, every_fact, every_actor = (set().union(*each) for each in zip(*found, strict=True))
    assert {"courier.signed-in", "points.expiry-done", "redemption.entered-late", "gift.proposed"} <= every_kind
    assert {"phones", "station", "happened", "pieces", "postings", "channel"} <= every_fact
    assert {"worker", "self", "demo_points"} <= every_actor
