"""Lecture 8, Dataset and DataLoader: rows one by one, rows a batch at a time; the same loop takes both.

The program's loader fetches row by row. Beside it both ways are trained by the shared loop, in one order, so that equal
is seen as equal. The homework is Titanic: `python -m pipelines run titanic`.

# NOTE[DIFF]: the notes count `len(dataset) / 32` batches, which is 23.7. A loader knows its length. Their workers start
# where the loop asks for the first batch, which is inside the main guard: right, but 759 rows are in memory already.
"""

import math
import time
from types import SimpleNamespace

import torch
from torch import nn
from torch.utils.data import DataLoader

from lectures.course.data import files_for_program
from lectures.course.fit import draw_losses, fit, seeded
from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.loop import Batches, predict_logits

EPOCHS, BATCH = 30, 32  # of the comparison


def trained(setting: Setting, program: SimpleNamespace, name: str, batches: Batches) -> tuple[nn.Module, list[float]]:
    """The program's network after some epochs of these batches, and its loss after each."""
    model = seeded(setting, program.Model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return model, fit(setting, model, batches, nn.BCEWithLogitsLoss(), optimizer, EPOCHS, name=f"08/{name}")


def run(setting: Setting) -> Gates:
    """Count the batches, look at an epoch and at what the program learned, and train on both kinds of batches."""
    files = files_for_program("diabetes", setting)
    program = run_program(setting, "lecture_08_data_loader", files.contents)
    dataset = program.dataset
    yield Gate.equal("batches of 32", len(program.train_loader), math.ceil(len(dataset) / BATCH))
    order = torch.Generator().manual_seed(setting.seed)
    labels = [target for _, target in DataLoader(dataset, BATCH, shuffle=True, generator=order)]
    yield Gate.equal("rows in the last batch", len(labels[-1]), len(dataset) % BATCH)
    seen, everybody = torch.cat(labels), (len(dataset), int(dataset.y_data.sum()))
    yield Gate.equal("rows in an epoch, positives", (len(seen), int(seen.sum())), everybody)
    right = (predict_logits(program.model, dataset.x_data) > 0) == dataset.y_data.bool()
    wanted = 0.75 if files.is_stand_in else 0.77
    yield Gate.at_least("accuracy on the training rows", right.double().mean().item(), wanted)
    yield from _both_ways(setting, program)
    setting.say("homework: python -m pipelines run titanic")


def _both_ways(setting: Setting, program: SimpleNamespace) -> Gates:
    rows = TensorRows(program.dataset.x_data.to(setting.device), program.dataset.y_data.to(setting.device))

    def order() -> ShuffledBatches:
        return ShuffledBatches(len(rows), BATCH, torch.Generator().manual_seed(setting.seed))

    by_row = DataLoader(rows, batch_sampler=order(), generator=torch.Generator())  # type: ignore[arg-type]  # tensors of row numbers
    ways: dict[str, Batches] = {"row by row": by_row, "batch by batch": training_batches(rows, order())}
    setting.say("both ways of fetching in the same order, trained by the shared loop:")
    models, curves = {}, {}
    for name, batches in ways.items():
        start = time.process_time()  # what others do on the machine is not counted
        models[name], curves[name] = trained(setting, program, name, batches)
        setting.say(f"  {name}: {1e3 * (time.process_time() - start) / EPOCHS:.1f} ms of the processor per epoch")
    one, other = (nn.utils.parameters_to_vector(model.parameters()) for model in models.values())
    yield Gate.at_most("weights of both ways, largest difference", (one - other).abs().max().item(), 1e-6)
    with setting.picture("08-loss") as figure:
        title = "The same rows in the same order, fetched in two ways: one curve"
        draw_losses(figure, curves, title, "binary cross entropy")
        below, above = figure.axes[0].get_lines()
        below.set(linewidth=7, alpha=0.4)
        above.set(linestyle="--", color="black")
        figure.axes[0].legend()


LECTURE = Lecture(number="08", title="Dataset and DataLoader", title_zh="Dataset 与 DataLoader", run=run)
