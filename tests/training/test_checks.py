"""What learners do wrong is said by name, and what is right is left in peace."""

import warnings

import pytest
import torch
from networks import fit_each
from torch import nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset

from pipelines.competition import Recipe
from pipelines.errors import TrainingError, TrainingWarning
from pipelines.models import MLP
from pipelines.report.console import errors_in_plain_words
from pipelines.training.batches import ShuffledBatches, TensorRows, training_batches
from pipelines.training.checks import in_plain_words
from pipelines.training.early_stopping import Monitor
from pipelines.training.estimator import TorchClassifier
from pipelines.training.fit import Rows
from pipelines.training.loop import predict_proba, train


def fit(model, inputs, target, epochs=1, lr=0.1, criterion=None, make_optimizer=torch.optim.SGD, monitor=None):
    order = ShuffledBatches(len(inputs), 16, torch.Generator().manual_seed(0))
    optimizer = make_optimizer(model.parameters(), lr=lr)
    batches = training_batches(TensorRows(inputs, target), order)
    return train(model, batches, criterion or nn.CrossEntropyLoss(), optimizer, epochs, monitor=monitor)


@pytest.fixture
def rows():
    inputs = torch.randn(64, 4)
    return inputs, (inputs[:, 0] > 0).long()


def test_softmax_before_cross_entropy_is_refused(rows):
    with pytest.raises(TrainingError, match=r"probabilities.*\n.*leave the Softmax layer out.*lecture 9.*\n.*第 9 讲"):
        fit(nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)), *rows)


def test_softmax_is_refused_in_a_classifier_and_in_a_stack_too(rows):
    make = lambda d=4, c=2: nn.Sequential(MLP([d, 8, c]), nn.Softmax(dim=-1))  # noqa: E731
    with pytest.raises(TrainingError, match="probabilities"):
        TorchClassifier(make, epochs=1, random_state=0).fit(rows[0].numpy(), rows[1].numpy())
    with pytest.raises(TrainingError, match="probabilities"):
        fit_each([Rows(inputs=rows[0], target=rows[1])] * 2, make)


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
    odd = next(label for label in labels if not 0 <= label < 3)
    with pytest.raises(
        TrainingError, match=rf"not a class of the model: label {odd}, where .* 3 outputs\n.*0 and end at C - 1"
    ):
        fit(nn.Linear(4, 3), inputs, target)


def test_rows_on_another_device_are_explained(rows):
    with pytest.raises(TrainingError, match=r"different devices.*\n.*\.to\(device\) on all three \(lecture 10\)"):
        fit(nn.Linear(4, 2, device="meta"), rows[0], rows[1])


@pytest.mark.parametrize("device", ["cuda", "MPS"])
@pytest.mark.parametrize("what", ["weight", "bias"])
def test_convolutions_name_types_in_place_of_devices(device, what):
    """Torch's text of a convolution whose inputs were left behind; no such device is needed to hear it."""
    text = f"Input type (torch.{device}.FloatTensor) and {what} type (torch.FloatTensor) should be the same"
    with pytest.raises(TrainingError, match=r"different devices: Input type.*\n.*lecture 10"), in_plain_words():
        raise RuntimeError(text)


def test_other_errors_stay_what_they_are(rows):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fit(nn.Linear(5, 2), *rows)
    with pytest.raises(RuntimeError, match=r"^Input type \(double\) and bias type \(float\) should be the same$"):
        fit(nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 2, 4), nn.Flatten()), rows[0].double(), rows[1])


def test_a_loss_that_never_moves_is_a_warning(rows):
    with pytest.warns(
        TrainingWarning, match=r"hardly moved in 10 epochs: .* how frequent the classes are\n.*lecture 7"
    ):
        fit(nn.Linear(4, 2), *rows, epochs=10, lr=1e-9)


def test_a_loss_that_moves_is_none_and_a_short_training_says_nothing(rows):
    with warnings.catch_warnings(record=True) as said:
        fit(nn.Linear(4, 2), *rows, epochs=10, lr=0.1)
        fit(nn.Linear(4, 2), *rows, epochs=9, lr=1e-9)
    assert said == []


def test_the_look_leaves_no_hook_behind(rows):
    model = nn.Linear(4, 2)
    fit(model, *rows)
    assert not model._forward_hooks
    with_softmax = nn.Sequential(model, nn.Softmax(dim=1))
    with pytest.raises(TrainingError):
        fit(with_softmax, *rows)
    too_wide = nn.Linear(5, 2)
    with pytest.raises(RuntimeError):
        fit(too_wide, *rows)  # fails before there is an output to look at
    assert not with_softmax._forward_hooks
    assert not too_wide._forward_hooks


def noise(n=400):
    """Inputs that know nothing of a target of which 65 % are positive."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 8, generator=generator), (torch.arange(n) < 0.65 * n).long()


@pytest.mark.parametrize("binary", [True, False])
def test_the_notes_three_sigmoids_are_told_although_their_loss_falls(binary):
    inputs, target = noise()
    model = MLP([8, 6, 4, 1 if binary else 2], activation="sigmoid")
    criterion = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
    with pytest.warns(TrainingWarning, match=r"0\.6474 by saying for every row how frequent"):
        history = fit(model, inputs, target[:, None].float() if binary else target, 20, lr=0.05, criterion=criterion)
    assert min(history[0].losses) > 0.64


def test_every_member_of_a_stack_is_looked_at():
    inputs, target = noise()
    with pytest.warns(TrainingWarning, match=r"hardly moved.*\(2 of 2 networks\)"):
        fit_each([Rows(inputs=inputs, target=target)] * 2, lambda: MLP([8, 2]), Recipe(lr=1e-9, epochs=10))


def test_members_with_other_shares_are_not_compared_with_each_others():
    inputs = torch.randn(400, 8)
    even, rare = (inputs[:, 0] > 0).long(), (inputs[:, 0] > 1.6).long()
    rows = [Rows(inputs=inputs, target=target) for target in (even, rare)]
    with warnings.catch_warnings(record=True) as said:
        fit_each(rows, lambda: MLP([8, 2]), Recipe(lr=3e-3, epochs=10, schedule="constant"))
    assert said == []


def test_rows_that_a_sampler_leaves_out_may_have_no_label(rows):
    inputs, target = rows
    labels = torch.where(torch.arange(64) < 32, target, -1)
    batches = DataLoader(TensorDataset(inputs, labels), 8, sampler=SubsetRandomSampler(range(32)))
    model = nn.Linear(4, 2)
    [history] = train(model, batches, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1), 1)
    assert history.losses[0] > 0


def test_going_on_with_a_trained_model_says_nothing(rows):
    model = nn.Linear(4, 2)
    fit(model, *rows, epochs=200, lr=0.5)
    losses = fit(model, *rows, epochs=10, lr=1e-6)[0].losses
    assert losses[0] - losses[-1] < 1e-4


@pytest.mark.parametrize(
    "criterion", [nn.CrossEntropyLoss(label_smoothing=0.3), nn.CrossEntropyLoss(torch.tensor([0.2, 0.8]))]
)
def test_criteria_with_another_scale_are_compared_with_their_own_first_epoch(rows, criterion):
    assert fit(nn.Linear(4, 2), *rows, epochs=10, lr=0.5, criterion=criterion)[0].losses[-1] > 0


class Forgetful(torch.optim.SGD):
    def zero_grad(self, set_to_none=True):
        pass


def test_gradients_that_are_not_zeroed_are_a_warning(rows):
    for few in (slice(0, 16), slice(0, 64)):  # one batch an epoch, and four
        with pytest.warns(
            TrainingWarning, match=r"zero_grad\(\) leaves gradients standing.*\n.*lecture 4.*\n.*第 4 讲"
        ):
            fit(nn.Linear(4, 2), rows[0][few], rows[1][few], make_optimizer=Forgetful)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Rprop"])
def test_optimizers_that_zero_them_say_nothing(rows, name):
    model = nn.Linear(4, 2)
    assert fit(model, *rows, make_optimizer=getattr(torch.optim, name))[0].losses[0] > 0
    assert not model._forward_hooks


def test_gradients_of_weights_that_nobody_trains_are_left_in_peace(rows):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    last = lambda _all, lr: torch.optim.SGD(model[1].parameters(), lr=lr)  # noqa: E731
    before = model[0].weight.clone()
    fit(model, *rows, make_optimizer=last)
    assert torch.equal(model[0].weight, before)


def test_the_optimizer_of_another_model_is_refused(rows):
    other = lambda _own, lr: torch.optim.SGD(nn.Linear(4, 2).parameters(), lr=lr)  # noqa: E731
    with pytest.raises(TrainingError, match=r"none of the model's weights.*\n.*lecture 5"):
        fit(nn.Linear(4, 2), *rows, make_optimizer=other)


def test_missing_targets_are_counted(rows):
    target = torch.tensor([0.0, 1.0, float("nan"), 1.0] * 16)[:, None]
    with pytest.raises(TrainingError, match=r"16 of 64 targets are missing.*\n.*test rows have no target"):
        fit(nn.Linear(4, 1), rows[0], target, criterion=nn.BCEWithLogitsLoss())


def test_targets_outside_zero_and_one_are_refused_where_they_mean_nothing(rows):
    target = (rows[1] + 1).float()[:, None]
    with pytest.raises(TrainingError, match=r"targets run from 1 to 2, BCEWithLogitsLoss wants 0 to 1"):
        fit(nn.Linear(4, 1), rows[0], target, criterion=nn.BCEWithLogitsLoss())
    assert fit(nn.Linear(4, 1), rows[0], target, criterion=nn.MSELoss())[0].losses[0] > 0


def test_the_only_batch_is_looked_at_too(rows):
    batches, model = [(rows[0], (rows[1] + 1).float()[:, None])], nn.Linear(4, 1)
    with pytest.raises(TrainingError, match=r"targets run from 1 to 2"):
        train(model, batches, nn.BCEWithLogitsLoss(), torch.optim.SGD(model.parameters(), lr=0.1), 1)


def test_labels_that_the_criterion_ignores_are_left_in_peace(rows):
    target = torch.where(torch.arange(64) % 8 == 0, -100, rows[1])
    assert fit(nn.Linear(4, 2), rows[0], target)[0].losses[0] > 0


@pytest.mark.parametrize(("ignored", "options"), [(-100, {}), (1, {"ignore_index": 1})])
def test_guessing_counts_the_labels_that_count(rows, ignored, options):
    """Shares are taken among the rows that have a label: two classes, half and half, cost ln 2 to guess."""
    labels = torch.where(torch.arange(64) % 2 == 0, 0, 2)
    target = torch.where(torch.arange(64) % 4 < 2, ignored, labels)
    with pytest.warns(TrainingWarning, match=r"0\.6931 by saying for every row"):
        fit(nn.Linear(4, 3), rows[0], target, epochs=10, lr=1e-9, criterion=nn.CrossEntropyLoss(**options))
    with warnings.catch_warnings(record=True) as said:
        fit(nn.Linear(4, 3), torch.eye(4)[labels], target, epochs=10, lr=0.5, criterion=nn.CrossEntropyLoss(**options))
    assert said == []


@pytest.mark.parametrize("module", [nn.Dropout(0.5), nn.BatchNorm1d(4)])
def test_a_monitor_that_forgets_eval_is_told(rows, module):
    model = nn.Sequential(module, nn.Linear(4, 2))
    inputs, target = rows
    forgets = Monitor(score=lambda model: (model(inputs).argmax(1) == target).double().mean(), patience=2)
    with pytest.warns(TrainingWarning, match=r"training mode.*\n.*model\.eval\(\).*lecture 9"):
        fit(model, *rows, monitor=forgets)
    right = Monitor(score=lambda model: (predict_proba(model, inputs).argmax(1) == target).double().mean(), patience=2)
    assert fit(model, *rows, monitor=right)[0].scores[0] > 0
    assert not model._forward_pre_hooks


def test_a_model_that_does_the_same_in_both_modes_may_stay_in_training(rows):
    score = Monitor(score=lambda model: (model(rows[0]).argmax(1) == rows[1]).double().mean(), patience=2)
    assert len(fit(nn.Linear(4, 2), *rows, monitor=score)[0].scores) == 1


def test_the_command_line_says_a_warning_once_in_plain_words(capsys):
    with warnings.catch_warnings(), errors_in_plain_words("interrupted"):
        for _ in range(2):
            warnings.warn(TrainingWarning("nothing moves", "push", "推一下"), stacklevel=1)
    assert capsys.readouterr().err == "warning: nothing moves\n  what to do: push\n  怎么办: 推一下\n"


def test_each_epochs_losses_are_handed_out_while_training(rows):
    seen = []
    order = ShuffledBatches(64, 16, torch.Generator().manual_seed(0))
    batches, model = training_batches(TensorRows(*rows), order), nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    keep = lambda epoch, losses: seen.append((epoch, *losses))  # noqa: E731
    [history] = train(model, batches, nn.CrossEntropyLoss(), optimizer, 3, on_epoch=keep)
    assert seen == list(enumerate(history.losses, start=1))
