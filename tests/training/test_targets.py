"""Numbers are learned as classes are: the loss by its name, standardised and turned back, in stacks and alone."""

import warnings

import numpy as np
import pytest
import torch
from networks import RECIPE, assert_same, fit_alone, fit_each
from sklearn.metrics import mean_absolute_error
from torch import nn

from pipelines.competition import Number, Recipe
from pipelines.errors import ModelError, TrainingError, TrainingWarning
from pipelines.metrics import Metric, rmse
from pipelines.models import MLP, BatchEnsemble
from pipelines.training.fit import Rows
from pipelines.training.loop import predict
from pipelines.training.targets import BEYOND, CrossEntropy, Distance, Scale, criterion_of, learned

TORCHS = {"squared": nn.MSELoss(), "absolute": nn.L1Loss(), "huber": nn.SmoothL1Loss()}
LOG = Number(transform="log1p")


def number_rows(n_folds=3, n_rows=100, held_out=0, number=None):
    """Rows of so many folds, each of another size of number; inputs (N, 6)."""
    rng = np.random.default_rng(0)
    folds = []
    for fold in range(n_folds):
        X = rng.normal(size=(n_rows + held_out, 6)).astype(np.float32)
        y = 10.0 ** (fold + 1) * np.abs(3 + X[:, 0] + X[:, 1] * X[:, 2]).astype(np.float64)
        scale = Scale.of(number or Number(), y[:n_rows])
        kept = (torch.from_numpy(X[n_rows:]), torch.from_numpy(y[n_rows:])) if held_out else None
        folds.append(
            Rows(inputs=torch.from_numpy(X[:n_rows]), target=scale.target(y[:n_rows]), held_out=kept, scale=scale)
        )
    return folds


@pytest.mark.parametrize("loss", TORCHS)
def test_each_loss_is_torchs_for_each_network_of_a_stack(loss):
    outputs, target = 3 * torch.randn(4, 9, 1), 3 * torch.randn(4, 9, 1)
    alone = torch.stack([TORCHS[loss](o, t) for o, t in zip(outputs, target, strict=True)])
    torch.testing.assert_close(criterion_of(Number(loss=loss))(outputs, target), alone)
    torch.testing.assert_close(Distance(loss)(outputs[0], target[0]), alone[0])
    assert isinstance(criterion_of(None), CrossEntropy)


@pytest.mark.parametrize("loss", TORCHS)
def test_several_answers_to_a_row_have_a_loss_each(loss):
    outputs, target = torch.randn(4, 9, 5, 1), torch.randn(4, 9, 1)
    each = torch.stack([Distance(loss)(outputs[:, :, k], target) for k in range(5)])
    torch.testing.assert_close(Distance(loss)(outputs, target), each.mean(dim=0))
    torch.testing.assert_close(Distance(loss)(outputs[0], target[0]), each.mean(dim=0)[0])


@pytest.mark.parametrize("loss", TORCHS)
def test_a_rows_weight_multiplies_its_loss(loss):
    outputs, target = torch.randn(2, 9, 1), torch.randn(2, 9, 1)
    weight = torch.rand(2, 9, 1)
    by_hand = torch.stack([Distance(loss)(outputs[:, [i]], target[:, [i]]) for i in range(9)], dim=1)
    weighted = Distance(loss)(outputs, torch.cat([target, weight], dim=2))
    torch.testing.assert_close(weighted, (by_hand * weight[..., 0]).mean(dim=1))
    answers = Distance(loss)(outputs.unsqueeze(2).expand(2, 9, 3, 1), torch.cat([target, weight], dim=2))
    torch.testing.assert_close(answers, weighted)


def test_a_scale_goes_there_and_back():
    y = np.array([0.0, 9.0, 99.0, 999.0])
    scale = Scale.of(LOG, y)
    logs = np.log1p(y)
    assert (scale.mean, scale.deviation) == (pytest.approx(logs.mean()), pytest.approx(logs.std()))
    target = scale.target(y)
    assert (target.dtype, target.shape) == (torch.float32, (4, 1))
    np.testing.assert_allclose(target.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(scale.learned(target)[:, 0], logs, rtol=1e-6)
    np.testing.assert_allclose(scale.values(target)[:, 0], y, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(learned(y, LOG), logs)
    assert learned(y, None) is y


def test_predictions_end_a_quarter_of_the_range_beyond_the_training_rows():
    scale = Scale.of(Number(), np.array([-100.0, 300.0]))
    assert BEYOND == 0.25
    outputs = torch.tensor([[-1e6], [0.0], [1e6], [float("inf")]])
    assert scale.learned(outputs)[:, 0].tolist() == [-200.0, 100.0, 400.0, 400.0]
    wild = Scale.of(LOG, np.array([0.0, 1e6])).values(torch.tensor([[-1e9], [1e9]]))[:, 0]
    assert wild[0] == 0.0  # where no row is negative, no prediction is
    assert wild[1] == pytest.approx((1 + 1e6) ** 1.25 - 1)
    assert Scale.of(Number(), np.array([90.0, 100.0])).low == 87.5


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e9])
def test_a_constant_has_a_scale(value):
    scale = Scale.of(Number(), np.full(10, value))
    assert (scale.low, scale.high, scale.deviation) == (value, value, 1.0)
    assert scale.learned(torch.randn(3, 1))[:, 0].tolist() == [pytest.approx(value)] * 3
    assert Scale.of(Number(), np.array([value, value + 1])).deviation == pytest.approx(0.5)


def test_weights_of_a_scale_equal_repeated_rows():
    y, weight = np.array([1.0, 5.0, 30.0]), np.array([3, 1, 2])
    weighted, repeated = Scale.of(Number(), y, weight), Scale.of(Number(), y.repeat(weight))
    assert weighted.mean == pytest.approx(repeated.mean)
    assert weighted.deviation == pytest.approx(repeated.deviation)


NETWORKS = {
    "plain": lambda: MLP([6, 16, 8, 1]),
    "batch norm and dropout": lambda: MLP([6, 15, 7, 1], norm="batch", dropout=0.5),
    "layer norm": lambda: MLP([6, 16, 1], norm="layer", activation="silu"),
}


@pytest.mark.parametrize("loss", TORCHS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_stack_equals_single_networks(network, loss):
    rows, more = number_rows(), {"number": Number(loss=loss), "n_outputs": 1}
    together = fit_each(rows, NETWORKS[network], **more)
    alone = fit_alone(rows, NETWORKS[network], **more)
    for one, other, own in zip(together, alone, rows, strict=True):
        assert_same(one.model, other.model)
        assert one.history.losses == pytest.approx(other.history.losses, rel=1e-4)
        assert one.scale is own.scale


def test_early_stopping_scores_in_the_files_units_each_network_by_its_own_scale():
    recipe = Recipe(epochs=12, batch_size=32, lr=0.02, patience=3)
    mae = Metric("MAE", score=mean_absolute_error, greater_is_better=False, of="values")
    rows, more = number_rows(held_out=40, number=LOG), {"number": LOG, "n_outputs": 1, "metric": mae}
    together = fit_each(rows, NETWORKS["plain"], recipe, **more)
    for trained, own, other in zip(together, rows, fit_alone(rows, NETWORKS["plain"], recipe, **more), strict=True):
        history = trained.history
        assert history.scores == pytest.approx(other.history.scores, rel=1e-3)
        assert history.scores[history.best_epoch - 1] == max(history.scores)
        inputs, truth = own.held_out
        said = np.expm1(predict(trained.model, inputs, trained.scale))[:, 0]
        assert -mean_absolute_error(truth, said) == pytest.approx(max(history.scores), rel=1e-6)
        assert max(history.scores) < -0.01 * float(truth.mean())  # in the file's units, not standardised


def test_a_batch_ensemble_learns_numbers_and_says_the_mean_of_its_answers():
    make = lambda: BatchEnsemble(6, 1, k=4, n_blocks=1, d_block=16, dropout=0.0)  # noqa: E731
    [trained] = fit_each(number_rows(1), make, Recipe(epochs=40, batch_size=32, lr=0.01), number=Number(), n_outputs=1)
    assert trained.history.losses[-1] < 0.3 * trained.history.losses[0]
    [rows] = number_rows(1)
    answers = trained.model.networks(rows.inputs)
    assert answers.shape == (100, 4, 1)
    torch.testing.assert_close(trained.model.eval()(rows.inputs), answers.mean(dim=1))


def test_the_least_loss_of_saying_the_same_for_every_row():
    y = torch.from_numpy(np.random.default_rng(0).exponential(size=(101, 1)))
    assert Distance("squared").of_guessing(y) == pytest.approx(float(y.var(correction=0)))
    assert Distance("absolute").of_guessing(y) == pytest.approx(float((y - y.median()).abs().mean()))
    assert Distance("huber").of_guessing(y) is None


@pytest.mark.parametrize("loss", ["squared", "absolute"])
def test_a_network_that_learns_no_more_than_a_constant_is_told(loss):
    [rows] = number_rows(1)
    recipe = Recipe(epochs=10, batch_size=32, lr=1e-9)
    with pytest.warns(TrainingWarning, match="by saying for every row the same number"):
        fit_each([rows], NETWORKS["plain"], recipe, number=Number(loss=loss), n_outputs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_each([rows], NETWORKS["plain"], Recipe(epochs=20, lr=0.02), number=Number(loss=loss), n_outputs=1)


class Ends(nn.Module):
    """A linear layer, and whatever is made of its outputs."""

    def __init__(self, end, n_outputs=1):
        super().__init__()
        self.linear, self.end = nn.Linear(6, n_outputs), end

    def forward(self, inputs):
        return self.end(self.linear(inputs))


FORMS = {
    "no axis": (lambda outputs: outputs.squeeze(1), 1, r"shape \(32,\)"),
    "two outputs": (lambda outputs: outputs, 2, r"shape \(32, 2\)"),
    "none": (lambda _outputs: None, 1, "None: does forward end with return"),
    "two tensors": (lambda outputs: (outputs, outputs), 1, "tuple of 2"),
}


@pytest.mark.parametrize("case", FORMS)
def test_values_of_another_shape_are_told(case):
    end, n_outputs, came = FORMS[case]
    wanted = r"one tensor of values of the shape \(32, 1\): one number for each of 32 rows; in evaluation it gives "
    with pytest.raises(ModelError, match=wanted + ".*" + came) as told:
        fit_each(number_rows(1), lambda: Ends(end, n_outputs), number=Number(), n_outputs=1)
    assert "without squeeze" in told.value.hint


def test_values_that_are_no_numbers_are_told():
    with pytest.raises(ModelError, match="NaN or infinite"):
        fit_each(number_rows(1), lambda: Ends(lambda o: o / 0), number=Number(), n_outputs=1)


ENDS = {
    "sigmoid": torch.sigmoid, "softmax": lambda o: o.softmax(dim=1), "ReLU": lambda o: torch.relu(o[:, 0])[:, None],
    "tanh": torch.tanh, "softplus": nn.Softplus(), "log-softmax": nn.LogSoftmax(1), "log-sigmoid": nn.LogSigmoid(),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_a_last_layer_that_cannot_say_every_number_is_told(end):
    with pytest.raises(TrainingError, match=f"those of a last {end} ") as told:
        fit_each(number_rows(1), lambda: Ends(ENDS[end]), number=Number(), n_outputs=1)
    assert f"leave the last {end} out" in told.value.hint


@pytest.mark.parametrize("end", [nn.Identity(), nn.LeakyReLU(), lambda o: o.sinh(), lambda o: o.squeeze(1)[:, None]])
def test_other_last_layers_are_trained(end):
    assert fit_each(number_rows(1), lambda: Ends(end), RECIPE, number=Number(), n_outputs=1)


def test_values_between_zero_and_one_that_sum_to_one_are_no_mistake_of_a_number():
    with_classes = torch.full((32, 1), 1 / 32)
    assert criterion_of(Number())(with_classes, with_classes) == 0
    even = lambda: Ends(lambda o: o * 0 + 1 / 32)  # noqa: E731 whose column sums to one
    assert fit_each(number_rows(1), even, RECIPE, number=Number(), n_outputs=1)


def test_rmse_is_what_it_says():
    assert rmse(np.array([1.0, 5.0]), np.array([[2.0], [8.0]])) == pytest.approx(np.sqrt(5))
