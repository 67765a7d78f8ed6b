"""What the page of a comparison says first."""

from dataclasses import replace

from pipelines.pages.compared import plain_verdict
from pipelines.pages.words import Words
from pipelines.runs.history.compare import Apart, Comparison

ROW = Apart("7", 0, "1", "0", "1", 0.4)
EMPTY = Comparison(**dict.fromkeys(Comparison.__dataclass_fields__, 0))
SAME = replace(EMPTY, p=1.0, gain=0.0, se=0.0, most_apart=[])


def test_two_that_say_the_same_of_every_row_are_told_so():
    assert plain_verdict(SAME, Words()) == ("Not told apart: A and B say the same of every row.", "plain")
    assert plain_verdict(SAME, Words("zh")) == ("无法区分：A 与 B 对每一行的预测都相同。", "plain")
    assert plain_verdict(replace(SAME, most_apart=[ROW]), Words())[0].startswith("Not told apart: B is better by")
