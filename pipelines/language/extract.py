"""Which sentences the code says; `python -m pipelines.language.extract` writes those that are new into the catalogue.

Said is, by this rule, each string and f-string that holds a small word and a blank, or stands where lines are said,
but: docstrings (except commands'), annotations, what is compared or looked for, regular expressions, what a
programmer sees (Python's own exceptions), what has its Chinese beside it, and `NOT_SHOWN`.
"""

import ast
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipelines.language import po
from pipelines.language.foreign import FOREIGN
from pipelines.language.not_shown import NOT_SHOWN
from pipelines.language.templates import COLUMN, FIELD, WORD, sentences

ROOT = Path(__file__).resolve().parents[2]
CATALOGUES = {"zh_CN.po": ("pipelines", "competitions"), "zh_CN.lectures.po": ("lectures",)}
PROGRAMS = re.compile(
    r"lectures/lecture_\w+\.py|lectures/exercises/answers/\w+\.py"
    r"|lectures/course/(notebooks|data_cell)\.py"
)  # a learner's code: shown as it is
CODE = {"wrong", "right"}  # mistakes: the same
SAYS = {"say", "say_aside", "complain", "errors_in_plain_words", "translated"}
PYTHONS = {"RuntimeError", "TypeError", "ValueError", "KeyError", "AssertionError", "AttributeError", "ImportError",
           "NotImplementedError", "OSError", "RecursionError", "getattr", "cast", "TypeVar"}  # fmt: skip
SEARCHES = {"startswith", "endswith", "removeprefix", "removesuffix", "split", "join", "replace", "encode", "strftime"}
PARTS = {"Allowed", "number", "broken"}  # what stands in them, in English, is a part of sentences
CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
NO_SENTENCE = re.compile(rf"{CHINESE.pattern}|\(\?[:!<=]|\\[bwsd]|^[\w.-]+=\S|<\w+ \w+=|^import |^from \S+ import ")
SMALL = re.compile(r"\b[a-z]{2,}\b")
MOST = 16  # ways to say a sentence, by its conditions; of more, they are fields


def said_in(folders: Iterable[str], root: Path = ROOT) -> dict[str, list[str]]:
    """Each sentence that the code of some folders says, and where."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            place = path.relative_to(root).as_posix()
            if PROGRAMS.fullmatch(place):
                continue
            if not NOT_SHOWN.isdisjoint((place, *(f"{p.as_posix()}/" for p in Path(place).parents))):
                continue
            for said in said_by(path.read_text(encoding="utf-8")):
                if said not in NOT_SHOWN and place not in found.setdefault(said, []):
                    found[said].append(place)
    return found


def said_by(code: str) -> Iterator[str]:
    """The sentences of a module, in the order of its lines.

    >>> list(said_by("say(f'{n:,} rows of {path}' if n else 'no rows')"))
    ['{0} rows of {1}', 'no rows']
    """
    tree = ast.parse(code)
    passed_over, certain = _passed_over(tree), _certain(tree)

    def walk(node: ast.AST) -> Iterator[str]:
        """The sentences of a node and of all below it."""
        if id(node) in passed_over:
            return
        ways = _ways(node) if isinstance(node, ast.expr) else None
        if ways is None:
            for child in ast.iter_child_nodes(node):
                yield from walk(child)
            return
        for said in itertools.chain.from_iterable(sentences(way) for way in _numbered(ways)):
            words = FIELD.sub("", said)
            if not NO_SENTENCE.search(words) and (
                (SMALL.search(words) and " " in said.strip()) or (id(node) in certain and WORD.search(words))
            ):
                yield said
        for inner in _inner(node):
            yield from walk(inner)

    yield from dict.fromkeys(walk(tree))


Part = str | ast.expr  # what is said as it stands, or a field
Way = tuple[Part, ...]


def _ways(node: ast.expr) -> list[Way] | None:
    """Each way in which a text may come out, by its conditions; None for what is no text."""
    if isinstance(node, ast.Constant):
        return [tuple(_formatted(node.value))] if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return _all_of([_of_part(each) for each in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        both = _ways(node.left), _ways(node.right)
        if both == (None, None):
            return None
        return _all_of([ways or [(side,)] for ways, side in zip(both, (node.left, node.right), strict=True)])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        ways = _ways(node.left) or _ways(node.right)
        return ways and [("",), *ways]
    if isinstance(node, ast.IfExp):
        return _either(node.body, node.orelse)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return _either(*node.values)
    return None


def _formatted(text: str) -> Iterator[Part]:
    """A string, with the fields that `str.format` fills: `{slug}`, `{}`."""
    for i, piece in enumerate(re.split(r"(\{[a-z_]*(?:![rs])?\})", text)):
        yield ast.Name(piece) if i % 2 else piece


def _either(*nodes: ast.expr) -> list[Way] | None:
    each = [_ways(node) for node in nodes]
    if all(ways is None for ways in each):
        return None
    return list(itertools.chain.from_iterable(ways or [(node,)] for ways, node in zip(each, nodes, strict=True)))


def _all_of(parts: Sequence[list[Way]]) -> list[Way]:
    """Each way of a text of several parts, one after the other."""
    n = 1
    for part in parts:
        n *= len(part)
    if n > MOST:
        parts = [part if len(part) == 1 else [(ast.Name("condition"),)] for part in parts]
    return [tuple(itertools.chain.from_iterable(way)) for way in itertools.product(*parts)]


def _of_part(part: ast.expr) -> list[Way]:
    """A piece of an f-string; what is padded begins, or ends, a column."""
    if not isinstance(part, ast.FormattedValue):
        return [(str(part.value),)] if isinstance(part, ast.Constant) else [(part,)]
    ways = (_ways(part.value) if part.conversion == -1 else None) or [(part.value,)]
    spec = ast.unparse(part.format_spec).removeprefix("f").strip("'\"") if part.format_spec else ""
    if re.match(r"[<^]?(\d|\{)", spec) and re.search(r"^<|\}$", spec):
        return [(*way, COLUMN) for way in ways]
    return [(COLUMN, *way) for way in ways] if re.match(r">", spec) else ways


def _numbered(ways: Iterable[Way]) -> Iterator[str]:
    """The sentences of these ways; fields that touch are one."""
    for way in ways:
        said, n = "", 0
        for part in way:
            if isinstance(part, str):
                said += part.replace("{", "{{").replace("}", "}}")
            elif not re.search(r"(?<!\{)\{\d+\}$", said):
                said, n = said + f"{{{n}}}", n + 1
        yield said


def _inner(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in the fields of a text, and may say something itself."""
    if isinstance(node, ast.Constant):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FormattedValue):
            if _ways(child.value) is None or child.conversion != -1:
                yield child.value
            else:
                yield from _inner(child.value)
        elif isinstance(child, ast.expr) and _ways(child) is not None:
            yield from _inner(child)
        else:
            yield child


def _certain(tree: ast.AST) -> set[int]:
    """What is said whether or not it looks like it: arguments of what says lines."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in SAYS:
            found |= {id(each) for each in node.args}
        if isinstance(node, ast.keyword) and node.arg in ("xlabel", "ylabel", "help"):
            found.add(id(node.value))
    return found


def _passed_over(tree: ast.Module) -> set[int]:
    """What is not said."""
    out: list[ast.AST | None] = []
    commands = _commands(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            is_command = isinstance(node, ast.FunctionDef) and node.name in commands
            is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            out += [first.value] if is_docstring and isinstance(first, ast.Expr) and not is_command else []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            out.append(node.returns)
        if isinstance(node, ast.arg | ast.AnnAssign):
            out += [] if _is_annotated(node.annotation) else [node.annotation]
        if isinstance(node, ast.Compare):
            out += [node.left, *node.comparators]
        if isinstance(node, ast.Dict):
            out += node.keys
        if isinstance(node, ast.Assert):
            out.append(node.msg)
        if isinstance(node, ast.Call):
            out += _not_said_by(node)
        if isinstance(node, ast.Call | ast.Tuple | ast.List):
            out += _with_chinese(node)
    return {id(each) for each in out if each is not None}


def _with_chinese(node: ast.Call | ast.Tuple | ast.List) -> list[ast.AST]:
    """What has its Chinese beside it, and is said by nothing else."""
    if isinstance(node, ast.Call) and _name(node.func) in PARTS:
        return []
    each = node.args if isinstance(node, ast.Call) else node.elts
    pairs = [pair for pair in itertools.pairwise(each) if not isinstance(pair[1], ast.Tuple | ast.Starred)]
    return [one for one, other in pairs if _has_chinese(other) and not _has_chinese(one)]


def _not_said_by(call: ast.Call) -> list[ast.AST]:
    name, of = _name(call.func), call.func.value if isinstance(call.func, ast.Attribute) else None
    if name in PYTHONS or (isinstance(of, ast.Name) and of.id in ("re", "ast", "os", "json", "logging")):
        return [*call.args]
    if name == "join" and of is not None:
        return [of]
    options = [each.value for each in call.keywords if each.arg in {"metavar", "encoding", "mode", *CODE}]
    return [*options, *(call.args if name in SEARCHES else [])]


def _commands(tree: ast.Module) -> set[str]:
    """The functions that a module registers as commands: their docstrings are help."""
    registers = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "register"]
    return {node.id for each in registers for node in ast.walk(each) if isinstance(node, ast.Name)}


def _is_annotated(annotation: ast.expr | None) -> bool:
    return annotation is not None and "typer." in ast.unparse(annotation)


def _has_chinese(node: ast.AST) -> bool:
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and CHINESE.search(each.value)
        for each in ast.walk(node)
    )


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def entries(name: str, root: Path = ROOT) -> list[po.Entry]:
    """What a file of the catalogue has to hold: what is said now, with the translations that it has."""
    path = Path(__file__).parent / name
    known = dict(po.read(path.read_text(encoding="utf-8"))) if path.exists() else {}
    said = said_in(CATALOGUES[name], root)
    if name == next(iter(CATALOGUES)):
        said |= {each: ["pipelines/language/foreign.py"] for each in FOREIGN}
    else:  # once is enough
        others = said_in(CATALOGUES["zh_CN.po"], root)
        said = {each: places for each, places in said.items() if each not in others}
    return [po.Entry(each, known.get(each, ""), tuple(places)) for each, places in said.items()]


def main() -> None:
    """Bring the catalogue's files up to date, and say what they lack."""
    for name in CATALOGUES:
        found = entries(name)
        (Path(__file__).parent / name).write_text(po.written(found), encoding="utf-8", newline="\n")
        lacking = sum(not each.shown for each in found)
        sys.stdout.write(f"{name}: {len(found)} sentences, {lacking} without translation\n")


if __name__ == "__main__":
    main()
