"""Lecture 13, the name classifier: which of 18 countries a surname comes from; the program.

Shapes: N names, C countries.
"""

from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lectures.course.data import Pairs, files_for_program
from lectures.course.fit import draw_accuracies
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure


def predict(program: SimpleNamespace) -> Tensor:
    """The most probable country of each test name, (N,)."""
    letters, lengths, _ = program.test_loader.dataset.tensors
    with torch.inference_mode():
        predicted: Tensor = program.model(letters, lengths).argmax(dim=1)
    return predicted


def run(setting: Setting) -> Gates:
    """Run the program, score the test names, and again those that training never saw."""
    files = files_for_program("names", setting)
    program = run_program(setting, "lecture_13_names", files.contents)
    train, test = ([(name, country) for name, country in program.rows[part]] for part in ("train", "test"))
    known, target = (loader.dataset.tensors[2] for loader in (program.train_loader, program.test_loader))
    predicted, countries = predict(program), program.countries
    right, largest = predicted == target, known.mode().values
    setting.say(f"always {countries[int(largest)]}: {(target == largest).double().mean().item():.2%}")
    setting.say(unseen_line(right, train, test))
    setting.say("one name: python -m pipelines lecture 13-names --name WORD")
    with setting.picture("13-confusion", (10, 8.5)) as figure:
        draw_confusion(figure, confusion(predicted, target, len(countries)), countries)
    with setting.picture("13-accuracy") as figure:  # the losses are on the program's own picture
        always = (target == largest).double().mean().item()
        draw_accuracy(figure, [accuracy for _, _, accuracy in program.history], always, countries[int(largest)])
    yield Gate.at_least("test accuracy", right.double().mean().item(), 0.80 if files.is_stand_in else 0.83)


def draw_accuracy(figure: "Figure", accuracies: "Sequence[float]", always: float, largest: str) -> None:
    """Accuracy on the test names by epoch, beside that of a rule that looks at no letter."""
    draw_accuracies(figure, {"test": accuracies}, "Name classifier: accuracy", "accuracy on the test names in %")
    [axis] = figure.axes
    axis.axhline(100 * always, color="C7", linestyle="--", label=f"always {largest}: {always:.1%}")
    axis.set_ylim(0, 100)
    axis.legend(loc="right")


def unseen_line(right: Tensor, train: Pairs, test: Pairs) -> str:
    """The score on the test rows that do not stand in the training file; `right` (N,) says which are predicted well.

    >>> unseen_line(torch.tensor([True, False]), [("Bo", "A")], [("Bo", "A"), ("Cy", "B")])
    'on the 1 names that training never saw: 0.00%; left out: 1 test rows (1 different)'
    """
    # NOTE[DIFF]: public runs count all test rows, also those that are training rows.
    shared = set(train) & set(test)
    fresh = torch.tensor([pair not in shared for pair in test])
    score = right[fresh].cpu().double().mean().item()
    return (
        f"on the {int(fresh.sum()):,} names that training never saw: {score:.2%}; "
        f"left out: {int((~fresh).sum())} test rows ({len(shared)} different)"
    )


def confusion(predicted: Tensor, target: Tensor, n_classes: int) -> Tensor:
    """How many names of each country (row) are taken for each country (column), (C, C).

    >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)
    tensor([[1, 1],
            [0, 1]])
    """
    cells = (target * n_classes + predicted).cpu()
    return torch.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def draw_confusion(figure: "Figure", counts: Tensor, countries: "Sequence[str]") -> None:
    """Rows sum to 100 %: of the names from a country, how many are taken for which; countries by size."""
    order = counts.sum(dim=1).argsort(descending=True)
    counts = counts[order][:, order]
    totals = counts.sum(dim=1)
    share = 100 * counts / totals.clamp(min=1).unsqueeze(1)
    axis = figure.subplots()
    axis.grid(visible=False)
    shown = axis.imshow(share.numpy(), cmap="Blues", vmin=0, vmax=100)
    names = [countries[int(country)] for country in order]
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(names)), [f"{name} ({n})" for name, n in zip(names, totals.tolist(), strict=True)])
    for row, column in (share >= 0.5).nonzero().tolist():
        value = share[row, column].item()
        axis.text(column, row, f"{value:.0f}", ha="center", va="center", color="white" if value > 55 else "black")
    axis.set(xlabel="taken for", ylabel="country of the name (test names)", title="Where surnames go, % of each row")
    figure.colorbar(shown, ax=axis, label="% of the row")


LECTURE = Lecture(number="13-names", title="Name classifier", title_zh="姓名分类", run=run)
