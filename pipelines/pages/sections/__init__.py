"""What a report says below its first screen, section by section; those that say nothing of a run are left out.

`subject` (what all look at), `learning` (curves), `confusion` (classes and what they are taken for), `reliability`
(probabilities), `numbers` (a target that is one), `spread` (folds, seeds, variants), `explained` (which columns
matter, the hardest rows), `board` (all runs beside each other, other teams, and what practice said of the forecast),
`origin` (what was tuned, leak watch, cost, environment, record).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.pages.parts import Section
    from pipelines.pages.words import Words
    from pipelines.runs.saved import SavedRun


def all_sections(run: "SavedRun", words: "Words") -> "list[Section]":
    """The sections of a finished run, in the order in which they are read.

    Raises: DataError for a folder whose predictions are damaged.
    """
    from pipelines.pages.sections import board, confusion, explained, learning, numbers, origin, reliability, spread
    from pipelines.pages.sections.subject import Subject

    subject = Subject(run, words)
    makers = (
        learning.learning, confusion.confusion, confusion.per_class, reliability.reliability, numbers.truth,
        numbers.residuals, numbers.size, spread.folds, spread.variants, explained.importance, explained.hardest,
        board.board, board.practice, origin.tuned, origin.leaks, origin.cost, origin.environment, origin.record,
    )  # fmt: skip
    return [section for make in makers if (section := make(subject)) is not None]
