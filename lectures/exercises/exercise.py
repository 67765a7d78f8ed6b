"""What an exercise is: its words, its answer, and the file to begin with, all read from the one file of its answer.

That file is read as text, so that a list of exercises does not wait for torch, and answer and gap cannot drift apart.
"""

import importlib
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError, meant

FOLDER = Path(__file__).resolve().parent / "answers"
BEGIN, END = "# --- your lines begin 从这里开始写", "# --- your lines end 写到这里为止"
NOT_YET = 'raise NotImplementedError("not written yet 尚未完成")'
CHINESE = re.compile(r"[\u4e00-\u9fff]")
MARKS = {
    "Task:": ("task", "en"), "任务：": ("task", "zh"), "Hint:": ("hint", "en"), "提示：": ("hint", "zh"),
    "Next:": ("next", "en"), "试一试：": ("next", "zh"),
}  # fmt: skip
Both = tuple[str, str]  # English, Chinese


class Wrong(Exception):  # noqa: N818 it is a verdict, no fault of the program
    """What is not as it should be, in English and Chinese."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english, self.chinese = english, chinese


@dataclass(frozen=True)
class Exercise:
    """One thing to write; `name` is `05-closure`, `text` the whole file of its answer."""

    name: str
    text: str

    @property
    def lecture(self) -> str:
        """The lecture's number: `05`."""
        return self.name.partition("-")[0]

    @property
    def file(self) -> str:
        """The name of the learner's file, which is that of the answer."""
        return f"exercise_{self.name.replace('-', '_')}.py"

    @property
    def title(self) -> Both:
        """What it is about, in a few words."""
        english, _, chinese = self.text.split('"""')[1].split("\n\n")[0].partition(" / ")
        return english, " ".join(chinese.split())

    @property
    def task(self) -> Both:
        """What is to be written."""
        return self._paragraphs("task")[0]

    @property
    def hints(self) -> list[Both]:
        """Each says more than the one before."""
        return self._paragraphs("hint")

    @property
    def next(self) -> Both:
        """What to try when it is right."""
        return self._paragraphs("next")[0]

    def _paragraphs(self, kind: str) -> list[Both]:
        found: dict[str, list[str]] = {"en": [], "zh": []}
        for paragraph in self.text.split('"""')[1].strip().split("\n\n"):
            for mark, (what, language) in MARKS.items():
                if paragraph.startswith(mark) and what == kind:
                    found[language].append(_joined(paragraph.removeprefix(mark)))
        return list(zip(found["en"], found["zh"], strict=True))

    @property
    def answer(self) -> str:
        """The lines of the gap."""
        before, after = self.text.index(BEGIN), self.text.index(END)
        return textwrap.dedent(self.text[self.text.index("\n", before) + 1 : self.text.rindex("\n", 0, after) + 1])

    def with_lines(self, lines: str) -> str:
        """The file with other lines in its gap, and without hints: they are asked for one by one."""
        _, words, code = self.text.split('"""', 2)
        kept = [
            each
            for each in words.strip().split("\n\n")
            if not each.startswith(("Hint:", "提示：", "Next:", "试一试："))
        ]
        check = f"Check it 检查：python -m pipelines exercise {self.name}"
        start, end = code.index(BEGIN), code.index(END)
        indent = code[code.rindex("\n", 0, start) + 1 : start]
        written = textwrap.indent(textwrap.dedent(lines).strip("\n"), indent)
        head = '"""' + "\n\n".join([*kept, check]) + '\n"""'
        return f"{head}{code[:start]}{BEGIN}\n{written}\n{indent}{code[end:]}"

    @property
    def start(self) -> str:
        """The file that a learner begins with."""
        return self.with_lines(NOT_YET)

    def check(self) -> Callable[[Any], None]:
        """The function that judges the names of a learner's file; loads torch.

        What it is handed is a `judging.Yours`; it raises Wrong.
        """
        module = importlib.import_module(f"lectures.exercises.checks.lecture_{self.lecture}")
        function: Callable[[Any], None] = getattr(module, self.name.partition("-")[2].replace("-", "_"))
        return function


def _joined(paragraph: str) -> str:
    r"""Its lines as one; between Chinese characters a line's end is no blank.

    >>> _joined("one\ntwo"), _joined("把损失\n传给它")
    ('one two', '把损失传给它')
    """
    text = " ".join(paragraph.split())
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])", "", text)


def all_exercises() -> list[Exercise]:
    """Every exercise, in the course's order.

    >>> all_exercises()[0].lecture
    '02'
    """
    return [
        Exercise(path.stem.removeprefix("exercise_").replace("_", "-"), path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("exercise_*.py"))
    ]


def find(wanted: str) -> list[Exercise]:
    """The exercises that `wanted` means: one by its name, or those of a lecture (`5` is `05`).

    Raises: UsageError when there is none.

    >>> [each.name for each in find("5-closure")]
    ['05-closure']
    """
    number, dash, part = wanted.strip().partition("-")
    name, known = number.zfill(2) + dash + part, all_exercises()
    found = [each for each in known if name in (each.name, each.lecture)]
    if not found:
        near = [each.name for each in known if each.lecture == number.zfill(2)]
        there = near or sorted({each.lecture for each in known})
        raise UsageError(
            f"there is no exercise {wanted!r}; there are {', '.join(there)}",
            *meant(
                wanted,
                [each.name for each in known],
                "take one of these; `python -m pipelines exercise` lists all",
                "请从中选择；`python -m pipelines exercise` 列出全部练习",
            ),
        )
    return found
