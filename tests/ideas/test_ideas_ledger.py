import json
from dataclasses import replace

from pipelines.ideas.ledger import Ideas, Tried

ONE = Tried(what="a of b.py", idea="1", rows="r", metric="accuracy", gain=0.01, se=0.02, plain="p", run="q")


def test_each_idea_counts_once_and_only_on_its_own_rows(tmp_path):
    ideas = Ideas(tmp_path / "titanic")
    assert ideas.count("r") == 0
    assert [ideas.number(replace(ONE, idea=idea)) for idea in "12313"] == [1, 2, 3, 1, 3]
    assert ideas.number(replace(ONE, idea="9", rows="others")) == 1
    assert (ideas.count("r"), ideas.count("others"), ideas.count("")) == (3, 1, 0)
    assert len(ideas.tried()) == 4
    assert Ideas(tmp_path / "titanic").number(replace(ONE, idea="2")) == 2


def test_a_line_holds_what_was_tried_and_when(tmp_path):
    Ideas(tmp_path).number(ONE)
    line = json.loads((tmp_path / "ideas.jsonl").read_text())
    assert line | {"time": ""} == ONE.__dict__
    assert line["time"].endswith("+00:00")


def test_damaged_lines_are_said_and_the_next_one_is_whole(tmp_path):
    said = []
    Ideas(tmp_path).number(ONE)
    path = tmp_path / "ideas.jsonl"
    path.write_text(path.read_text() + '{"what": 3}\n[1]\nnull\n{"what": "torn')
    ideas = Ideas(tmp_path, said.append)
    assert ideas.number(replace(ONE, idea="2")) == 2
    assert sorted(set(said)) == [
        f"warning: line {n} of {path} is damaged; the idea in it is not counted" for n in (2, 3, 5)
    ]
    assert path.read_text().endswith("}\n")
    assert [each.idea for each in ideas.tried()] == ["1", "2"]
