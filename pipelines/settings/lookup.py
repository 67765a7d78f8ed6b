"""Finds a competition by its name, and tells what can be told of it before its code, and torch, is loaded."""

import ast
import contextlib
import importlib
import re
from collections import Counter
from functools import cached_property
from pathlib import Path

from pipelines.competition import Competition
from pipelines.errors import UsageError, meant

FOLDER = Path(__file__).resolve().parents[2] / "competitions"
PRESETS = ["fast", "best"]  # of a competition that names none
FILES = {"train_file": "train.csv", "test_file": "test.csv", "sample_submission": None}  # and their usual names


def names() -> list[str]:
    """Names of the competitions that are there: the folders of `competitions/`.

    >>> "titanic" in names()
    True
    """
    return sorted(path.parent.name for path in FOLDER.glob("*/competition.py"))


def slug_of(name: str) -> str:
    """The slug in a competition's name or URL; a folder's name is left as it is.

    >>> slug_of("https://www.kaggle.com/c/titanic/data?select=train.csv")
    'titanic'

    Raises: UsageError for what cannot be a slug, a path for example.
    """
    match = re.search(r"kaggle\.com/(?:competitions|c)/([^/?#]+)", name)
    slug = match.group(1) if match else name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", slug):
        raise UsageError(
            f"{name!r} is no competition's name or URL",
            "give what follows kaggle.com/competitions/ in the browser, for example titanic",
            "请给出浏览器地址中 kaggle.com/competitions/ 之后的名称，例如 titanic",
        )
    return slug


class Outline:
    """What a competition's file says without being run; what is not written out plainly is None here.

    `presets` and `variants` are names; `files` those that a run reads.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.slug = self._text("slug")
        self.files = self._files()

    @cached_property
    def presets(self) -> list[str] | None:
        """Names of the presets."""
        return self._keys("presets") if "presets" in self._said or not self._said else PRESETS

    @cached_property
    def variants(self) -> list[str] | None:
        """Names of the variants."""
        return self._keys("variants")

    @cached_property
    def _said(self) -> dict[str, ast.expr]:
        """The arguments of `Competition(...)` by name, constants of the module in the place of their names."""
        try:
            tree = ast.parse((FOLDER / self.name / "competition.py").read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            return {}  # a broken competition breaks no other
        seen = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        assigned = [(node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign)]
        constants = {target.id: value for target, value in assigned if isinstance(target, ast.Name)}
        call = constants.get("COMPETITION") if seen["COMPETITION"] == 1 else None
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "Competition":
            return {}
        if any(keyword.arg is None for keyword in call.keywords):  # **more
            return {}
        values = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        once = {name: value for name, value in constants.items() if seen[name] == 2}  # written here, read by the call
        return {n: once.get(v.id, v) if isinstance(v, ast.Name) else v for n, v in values.items()}

    def _text(self, argument: str) -> str | None:
        value = self._said.get(argument)
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None

    def _files(self) -> tuple[str, ...] | None:
        """What `Competition.files` will be."""
        names = [self._text(name) if name in self._said else default for name, default in FILES.items()]
        tables = getattr(self._said.get("tables", ast.Tuple(elts=[])), "elts", [None])
        written = [*names, *(getattr(each, "value", None) for each in tables)]
        plain = tuple(name for name in written if isinstance(name, str))
        return plain if len(plain) == len(written) else None

    def _keys(self, argument: str) -> list[str] | None:
        value = self._said.get(argument)
        keys = value.keys if isinstance(value, ast.Dict) else [None]
        plain = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        return plain if len(plain) == len(keys) else None


def find(name: str) -> Outline:
    """The competition by folder name, Kaggle slug or URL, in general without running its code.

    >>> find("House-Prices").name
    'house_prices'

    Raises: UsageError when there is none.
    """
    wanted, known = slug_of(name), [Outline(folder) for folder in names()]
    for outline in known:
        if wanted in (outline.name, outline.slug):
            return outline
    for outline in known:
        if outline.slug is None:  # only its code can tell
            with contextlib.suppress(Exception, SystemExit):  # a broken competition breaks no other
                if _import(outline.name).slug == wanted:
                    return outline
    for outline in known:
        if outline.name == name.replace("-", "_").lower():  # a folder's name as slugs are written: house-prices
            return outline
    raise UsageError(
        f"there is no competition {wanted!r}; known: {', '.join(outline.name for outline in known)}",
        *meant(
            wanted,
            {each for outline in known for each in (outline.name, outline.slug) if each},
            "check the spelling, or let its folder be written: python -m pipelines new SLUG (README: Add a "
            "competition)",
            "请检查拼写，或用 python -m pipelines new SLUG 写出它的文件夹（见 README.zh-CN.md：添加一个比赛）",
        ),
    )


def folder_of(slug: str) -> str:
    """The folder of a competition's code; empty where it has none.

    >>> folder_of("titanic")
    'titanic'
    """
    try:
        return find(slug).name
    except UsageError:
        return ""


def load(name: str) -> Competition:
    """Competition by folder name, Kaggle slug or URL.

    >>> load("https://www.kaggle.com/competitions/titanic/data").slug
    'titanic'
    """
    return _import(find(name).name)


def _import(folder: str) -> Competition:
    """The value in that folder.

    Raises: UsageError for a file that does not parse or holds none; whatever else its code raises.
    """
    try:
        competition = getattr(importlib.import_module(f"competitions.{folder}.competition"), "COMPETITION", None)
    except SyntaxError as error:
        raise _unusable(folder, f"{Path(error.filename or '').name}, line {error.lineno}: {error.msg}") from error
    if not isinstance(competition, Competition):
        raise _unusable(folder, f"COMPETITION is {type(competition).__name__}, no Competition")
    return competition


def _unusable(folder: str, what: str) -> UsageError:
    return UsageError(
        f"competitions/{folder} cannot be used: {what}",
        "correct it as competitions/titanic shows (README: Add a competition)",
        "请参照 competitions/titanic 修改（见 README.zh-CN.md：添加一个比赛）",
    )
