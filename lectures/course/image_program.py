"""Runs the program of an image lecture (10 and 11): its images, and what it learned, as the pictures take them.

Shapes: N images.
"""

import time

from lectures.course.data import Digits, ProgramFiles
from lectures.course.image_training import Trained
from lectures.course.lecture import Setting
from lectures.course.program import run_program
from pipelines.training.loop import predict_logits


def run_image_program(setting: Setting, name: str, files: ProgramFiles, *, picture: str) -> tuple[Digits, Trained]:
    """The program's images, standardised as it did, and its network with a row of its `history` for each epoch."""
    start = time.perf_counter()
    program = run_program(setting, name, files.contents, picture=picture)
    seconds = (time.perf_counter() - start) / len(program.history)
    (train, train_labels), (test, test_labels) = program.data["train"], program.data["t10k"]
    images = Digits(
        train=train, train_labels=train_labels, test=test, test_labels=test_labels,
        source=files.source, is_stand_in=files.is_stand_in,
    )  # fmt: skip
    losses, test_losses, accuracies = map(list, zip(*program.history, strict=True))
    model = program.model.cpu()
    trained = Trained(
        model=model, losses=losses, test_losses=test_losses, accuracies=accuracies, epoch_seconds=seconds,
        predicted=predict_logits(model, test, batch_size=500).argmax(dim=1), accuracy=accuracies[-1],
    )  # fmt: skip
    return images, trained
