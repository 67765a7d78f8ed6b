"""The loop: equal to the arithmetic by hand, best weights kept, seeds that repeat."""

import math

import pytest
import torch
from torch import nn

from pipelines.errors import TrainingError
from pipelines.models import MLP
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.early_stopping import Monitor
from pipelines.training.loop import (
    make_scheduler,
    predict_logits,
    predict_proba,
    train,
    train_epoch,
)


def test_an_epoch_of_gradient_descent_equals_the_arithmetic_by_hand():
    # Lecture 3: y = w x on x = 1, 2, 3 with w = 1, lr = 0.01, squared error, one batch.
    x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [4.0], [6.0]])
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = train_epoch(model, [(x, y)], nn.MSELoss(), optimizer)
    assert loss.item() == pytest.approx(14 / 3)
    assert model.weight.item() == pytest.approx(1 + 0.01 * 2 * 14 / 3)


def test_the_epoch_loss_weighs_batches_by_their_rows():
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    frozen = torch.optim.SGD(model.parameters(), lr=0.0)
    batches = [(torch.zeros(3, 1), torch.full((3, 1), 1.0)), (torch.zeros(1, 1), torch.full((1, 1), 3.0))]
    assert train_epoch(model, batches, nn.MSELoss(), frozen).item() == pytest.approx((3 * 1 + 1 * 9) / 4)


def test_training_turns_dropout_on_and_prediction_turns_it_off():
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5))
    batches = [(torch.randn(8, 4), torch.randint(0, 2, (8,)))]
    train_epoch(model, batches, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1))
    assert model.training
    inputs = torch.randn(5, 4)
    assert torch.equal(predict_logits(model, inputs), predict_logits(model, inputs))
    assert not model.training


def test_prediction_in_parts_equals_prediction_at_once():
    model, inputs = MLP([4, 3]), torch.randn(10, 4)
    assert torch.allclose(predict_logits(model, inputs, batch_size=3), predict_logits(model, inputs))
    proba = predict_proba(model, inputs)
    assert proba.dtype == torch.float64
    assert torch.allclose(proba.sum(dim=1), torch.ones(10, dtype=torch.float64), atol=1e-12)


def fit_with_scores(scores, patience=10):
    """Train with a monitor that replays `scores`; the weight after epoch k is -k (lr 1, gradient 1)."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    replay = iter(scores)
    [history] = train(
        model,
        [(torch.ones(1, 1), torch.zeros(1, 1))],
        lambda out, _: out.mean(),
        torch.optim.SGD(model.parameters(), lr=1.0),
        len(scores),
        monitor=Monitor(score=lambda _: torch.tensor(next(replay)), patience=patience),
    )
    return history, model.weight.item()


def test_the_best_epochs_weights_are_kept():
    history, weight = fit_with_scores([0.1, 0.5, 0.3, 0.4])
    assert (history.best_epoch, weight, len(history.losses)) == (2, -2.0, 4)


def test_of_equal_scores_the_first_is_kept():
    history, weight = fit_with_scores([0.5, 0.5, 0.5])
    assert (history.best_epoch, weight) == (1, -1.0)


def test_training_stops_after_patience():
    history, weight = fit_with_scores([0.1, 0.5, 0.3, 0.4, 0.9], patience=2)
    assert (len(history.losses), weight) == (4, -2.0)


def test_schedules():
    def factors(schedule):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(()))], lr=1.0)
        scheduler = make_scheduler(optimizer, schedule, 10)
        out = []
        for _ in range(10):
            out.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return out

    assert factors("constant") == [1.0] * 10
    cosine = factors("cosine")
    assert cosine == pytest.approx([0.5 * (1 + math.cos(math.pi * k / 10)) for k in range(10)])
    one_cycle = factors("one-cycle")
    assert one_cycle[:4] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert sorted(one_cycle[3:], reverse=True) == one_cycle[3:]
    assert one_cycle[-1] < 0.06


def test_a_loss_that_is_no_number_ends_the_training():
    model = MLP([1, 2])
    batches = [(torch.tensor([[float("nan")]]), torch.tensor([0]))]
    with pytest.raises(TrainingError, match="the loss is nan in epoch 1"):
        train(model, batches, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1), 3)


def test_the_loop_is_deterministic_on_the_cpu():
    def weights():
        torch.manual_seed(3)
        model = MLP([4, 2])
        rows = TensorRows(torch.randn(50, 4), torch.randint(0, 2, (50,)))
        loader = training_batches(rows, ShuffledBatches(50, 16, torch.Generator().manual_seed(1)))
        train(
            model,
            loader,
            nn.CrossEntropyLoss(),
            torch.optim.AdamW(model.parameters()),
            3,
            schedule="one-cycle",
        )
        return torch.cat([p.flatten() for p in model.parameters()])

    assert torch.equal(weights(), weights())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_cpus_predictions():
    model, inputs = MLP([20, 3]), torch.randn(64, 20)
    on_cpu = predict_proba(model, inputs)
    assert torch.allclose(predict_proba(model.to("cuda"), inputs.to("cuda")), on_cpu, atol=1e-4)


class TwoMembers(nn.Module):
    """Two networks of one weight each, whose losses and scores are told to them; a buffer that no state dict shows."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.register_buffer("epochs", torch.zeros(2), persistent=False)

    def forward(self, inputs):
        self.epochs += self.training
        return inputs + self.weight[:, None]


def fit_two(losses, scores, patience):
    model, told, replay = TwoMembers(), iter(losses), iter(scores)
    criterion = lambda outputs, _target: outputs.mean(dim=1) * 0 + torch.tensor(next(told))  # noqa: E731
    histories = train(
        model, [(torch.ones(2, 3), torch.zeros(2, 3))], criterion, torch.optim.SGD(model.parameters(), lr=1.0),
        len(losses), monitor=Monitor(score=lambda _model: torch.tensor(next(replay)), patience=patience),
    )  # fmt: skip
    return model, histories


def test_what_becomes_of_a_member_that_is_done_is_not_asked():
    losses = [[1.0, 3.0], [2.0, 2.5], [2.0, 2.0], [math.nan, 1.5], [math.nan, 1.0]]
    scores = [[0.9, 0.1], [0.5, 0.2], [0.5, 0.3], [0.5, 0.4], [0.5, 0.5]]
    model, (done, other) = fit_two(losses, scores, patience=2)
    assert done.losses == [1.0, 2.0, 2.0]
    assert other.losses == [3.0, 2.5, 2.0, 1.5, 1.0]
    assert model.epochs.tolist() == [1, 5]  # each member's own best epoch, hidden buffers included


def test_a_member_that_diverges_is_named():
    losses, scores = [[1.0, 3.0], [2.0, math.inf]], [[0.9, 0.1]] * 2
    with pytest.raises(TrainingError, match="the loss of network 2 of 2 is inf in epoch 2"):
        fit_two(losses, scores, patience=2)


def test_the_best_epoch_keeps_buffers_that_no_state_dict_shows():
    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(1, 1)
            self.register_buffer("epochs", torch.zeros(()), persistent=False)

        def forward(self, inputs):
            self.epochs += self.training
            return super().forward(inputs)

    model, replay = Counting(), iter([0.1, 0.9, 0.5, 0.5])
    [history] = train(
        model, [(torch.ones(1, 1), torch.zeros(1, 1))], nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1), 4,
        monitor=Monitor(score=lambda _model: torch.tensor(next(replay)), patience=4),
    )  # fmt: skip
    assert (history.best_epoch, model.epochs.item()) == (2, 2)
