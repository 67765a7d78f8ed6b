"""What learners do wrong is said by name, and what is right is left in peace."""

import warnings

import pytest
import torch
from torch import nn

from pipelines.diagnosis import TrainingWarning
from pipelines.errors import TrainingError
from pipelines.estimator import TorchClassifier
from pipelines.loaders import ShuffledBatches, TensorRows, training_batches
from pipelines.models import MLP
from pipelines.training import train


def fit(model, inputs, target, epochs=1, lr=0.1, criterion=None):
    order = ShuffledBatches(len(inputs), 16, torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    batches = training_batches(TensorRows(inputs, target), order)
    return train(model, batches, criterion or nn.CrossEntropyLoss(), optimizer, epochs)


@pytest.fixture
def rows():
    inputs = torch.randn(64, 4)
    return inputs, (inputs[:, 0] > 0).long()


def test_softmax_before_cross_entropy_is_refused(rows):
    with pytest.raises(TrainingError, match=r"probabilities.*\n.*leave the Softmax layer out.*lecture 9.*\n.*第 9 讲"):
        fit(nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)), *rows)


def test_softmax_is_refused_in_a_classifier_and_in_a_stack_too(rows):
    make = lambda d, c: nn.Sequential(MLP([d, 8, c]), nn.Softmax(dim=-1))  # noqa: E731
    with pytest.raises(TrainingError, match="probabilities"):
        TorchClassifier(make, epochs=1).fit(rows[0].numpy(), rows[1].numpy())


def test_probabilities_are_right_where_the_criterion_takes_them(rows):
    model = nn.Sequential(nn.Linear(4, 2), nn.LogSoftmax(dim=1))
    assert fit(model, *rows, criterion=nn.NLLLoss())[0].losses[0] < 1.5
    model = nn.Sequential(nn.Linear(4, 2), nn.Softmax(dim=1))
    loss = fit(model, *rows, criterion=lambda p, t: nn.functional.nll_loss(p.log(), t))[0].losses[0]
    assert 0 < loss < 1.5


@pytest.mark.parametrize("logits", [[[0.2, 0.9], [0.4, 0.6]], [[-1.0, 2.0], [0.5, 0.5]], [[0.0, 0.0], [1.0, 0.0]]])
def test_logits_that_look_a_little_like_probabilities_are_left_in_peace(logits):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(logits))

        def forward(self, inputs):
            return self.weight[: len(inputs)]

    assert fit(Fixed(), torch.zeros(2, 1), torch.tensor([0, 1]))[0].losses[0] > 0


@pytest.mark.parametrize("labels", [[1, 2, 3], [-1, 0, 1]])
def test_labels_that_are_no_classes_are_named(labels):
    inputs, target = torch.randn(30, 4), torch.tensor(labels * 10)
    with pytest.raises(
        TrainingError, match=rf"no.* a class|not a class.*{max(labels, key=abs)}.*\n.*0 and end at C - 1"
    ):
        fit(nn.Linear(4, 3), inputs, target)


def test_rows_on_another_device_are_explained(rows):
    with pytest.raises(TrainingError, match=r"different devices.*\n.*\.to\(device\) on all three \(lecture 10\)"):
        fit(nn.Linear(4, 2, device="meta"), rows[0], rows[1])


def test_other_errors_stay_what_they_are(rows):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fit(nn.Linear(5, 2), *rows)


def test_a_loss_that_never_moves_is_a_warning(rows):
    with pytest.warns(TrainingWarning, match=r"hardly moved: .* first of 10 epochs.*lecture 7"):
        fit(nn.Linear(4, 2), *rows, epochs=10, lr=1e-9)


def test_a_loss_that_moves_is_none_and_a_short_training_says_nothing(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(nn.Linear(4, 2), *rows, epochs=10, lr=0.1)
        fit(nn.Linear(4, 2), *rows, epochs=9, lr=1e-9)


def test_the_look_leaves_no_hook_behind(rows):
    model = nn.Linear(4, 2)
    fit(model, *rows)
    assert not model._forward_hooks
    with pytest.raises(TrainingError):
        fit(nn.Sequential(model, nn.Softmax(dim=1)), *rows)
    assert not model._forward_hooks
