"""Lecture 13, the name classifier: which of 18 countries a surname comes from.

Shapes: N names, T letters of the longest name, C countries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lectures.course.data import Pairs, load_names
from lectures.course.fit import draw_losses, fit, seeded, shuffled
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from pipelines.models import NameClassifier
from pipelines.training.checks import loss_of_guessing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_LETTERS = 128  # ASCII
EPOCHS = 10
CRITERION = nn.CrossEntropyLoss()


def as_letters(names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Letters (N, T) as ASCII codes, filled up with 0, and lengths (N,).

    >>> as_letters(["Bo", "Ada"])
    (tensor([[ 66, 111,   0],
            [ 65, 100,  97]]), tensor([2, 3]))
    """
    lengths = torch.tensor([len(name) for name in names])
    letters = torch.zeros(len(names), int(lengths.max()), dtype=torch.long)
    for row, name in enumerate(names):
        letters[row, : len(name)] = torch.tensor(list(name.encode("ascii", errors="replace")))
    return letters, lengths


@dataclass(frozen=True)
class Coded:
    """Names as the network reads them: letters (N, T), lengths (N,), countries (N,)."""

    letters: Tensor
    lengths: Tensor
    target: Tensor


def coded(pairs: Pairs, countries: Sequence[str], device: torch.device) -> Coded:
    """Letters, lengths and country codes of the pairs."""
    letters, lengths = as_letters([name for name, _ in pairs])
    target = torch.tensor([countries.index(country) for _, country in pairs])
    return Coded(letters.to(device), lengths, target.to(device))


def predict(model: nn.Module, names: Coded) -> Tensor:
    """The most probable country of each name, (N,)."""
    model.eval()
    with torch.inference_mode():
        predicted: Tensor = model(names.letters, names.lengths).argmax(dim=1)
    return predicted


def learn(names: Coded, n_countries: int, setting: Setting) -> tuple[nn.Module, list[float]]:
    """A classifier trained as the notes say, and its loss after each epoch."""
    model = seeded(setting, lambda: NameClassifier(N_LETTERS, n_countries))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    batches = shuffled(setting, 256, names.letters, names.lengths, names.target)
    return model, fit(setting, model, batches, CRITERION, optimizer, EPOCHS, name="13/loss")


def run(setting: Setting) -> Gates:
    """Train on the names, score the test names, and again those that training never saw."""
    names = load_names(setting)
    countries = sorted({country for _, country in names.train})
    train_names, test = (coded(pairs, countries, setting.device) for pairs in (names.train, names.test))
    model, losses = learn(train_names, len(countries), setting)
    predicted = predict(model, test)
    right = (predicted == test.target).cpu()
    largest = train_names.target.mode().values
    setting.say(f"{EPOCHS} epochs, loss {losses[0]:.3f} to {losses[-1]:.3f}")
    setting.say(f"always {countries[int(largest)]}: {(test.target == largest).cpu().double().mean().item():.2%}")
    setting.say(unseen_line(right, names.train, names.test))
    with setting.picture("13-confusion", (10, 8.5)) as figure:
        draw_confusion(figure, confusion(predicted, test.target, len(countries)), countries)
    with setting.picture("13-loss") as figure:
        title = "Name classifier: loss on the training names"
        guessing = loss_of_guessing(train_names.target, CRITERION)
        draw_losses(figure, {"training": losses}, title, "cross entropy per name", guessing)
    yield Gate.at_least("accuracy", right.cpu().double().mean().item(), 0.80 if names.is_stand_in else 0.83)


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


def draw_confusion(figure: "Figure", counts: Tensor, countries: Sequence[str]) -> None:
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
