"""Names and values of others' files are texts in the code that is written, whatever is in them: never code."""

import ast
import re

import numpy as np
import pandas as pd
import pytest
from made_files import written
from test_found import three

from pipelines.data.tables import table_name
from pipelines.new.commands import examine, texts_of
from pipelines.new.roles import Said
from pipelines.new.schema import quoted, remark, wrapped

PULL = "pull()"
NAMES = [
    f"a\n{PULL}", f"a\u2028{PULL}", f'a"""\n{PULL}\n"""', f'a", {PULL}, "', f"a', {PULL}, '",
    f"a\\\n{PULL}",
    f'a\\", {PULL}, \\"', f"a,  # {PULL}", f"a#\n{PULL}", f"a{{{PULL}}}", f"a\\N{{BULLET}}\\x22{PULL}",
    f"a\u202e{PULL}",
    "a\\", "a'", 'a"', "a{", "a}", "\\u0022",  # a quotation mark alone means missing
]  # fmt: skip


def files(name, word=None):
    """A competition in which all that has a name, or is a word, has this one."""
    word = name if word is None else word
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({f"{name} x{i}": rng.normal(size=240).round(3) for i in range(9)})  # a family
    rows[f"{name} c"] = np.where(np.arange(240) % 2, word, f"{word}, 2")
    rows[f"{name} shop"] = np.arange(240) % 5
    rows[f"{name} team"] = [f"{word} {i // 4}" for i in range(240)]
    rows[f"{name} y"] = np.where(rng.random(240) < 0.5, f"{word} 1", f"{word} 2")
    made = three(rows, f"{name} y", f"{name} id", {f"{name} of {word} 1": 0.5, f"{name} of {word} 2": 0.5})
    for frame in made.values():
        frame[f"{name} id"] = [f"{word} {i}" for i in frame[f"{name} id"]]
    made["train.csv"][f"{name} casual"] = 1
    made["shops.csv"] = pd.DataFrame({f"{name} shop": range(5), f"{name} town": list("abcde")})
    return made


def shape(text):
    """The code but for what its texts say."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def found_in(folder, made, name):
    return examine("made-up", "made_up", written(made, folder), Said(target=f"{name} y", groups=f"{name} team"))


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_and_words_of_the_files_are_never_code(name, tmp_path):
    evil = texts_of(found_in(tmp_path / "evil", files(name), name))
    plain = re.sub(r"\s", " ", re.sub(r"\S", "a", name))  # as many words
    tame = texts_of(found_in(tmp_path / "tame", files(plain), plain))
    for file, text in evil.items():
        assert shape(text) == shape(tame[file]), file
        names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        assert "pull" not in names
        assert all(sign.isprintable() or sign == "\n" for sign in text)
    texts = {node.value for node in ast.walk(ast.parse(evil["competition.py"])) if isinstance(node, ast.Constant)}
    assert {f"{name} y", f"{name} id", f"{name} team", f"{name} 1", f"{name} 2"} <= texts


def test_names_of_files_are_never_code():
    assert [table_name(f"{name}.csv").isidentifier() for name in ("²x", "ﬁ", "a\nb", "class", "a b", "", "1")] == [
        True
    ] * 7
    assert [table_name(f"{name}.csv") for name in ("rows", "pd", "group_of")] == ["_rows", "_pd", "_group_of"]
    assert ast.literal_eval(quoted(f"a\r\x00{PULL}")) == f"a\r\x00{PULL}"
    assert ast.literal_eval(quoted("train\udcff.csv")) == "train\udcff.csv"  # as systems give names that are no UTF-8


def test_long_lines_are_broken_outside_of_texts():
    given = [f'{i}\\", "x{i}, y' for i in range(30)]
    line = f"    values=[{', '.join(map(quoted, given))}],"
    parts = wrapped(line, 8)
    assert max(map(len, parts)) < 120 < len(line)
    assert ast.literal_eval("".join(parts).strip().removeprefix("values=").removesuffix(",")) == given
    assert "\n" not in remark("a\nb")
