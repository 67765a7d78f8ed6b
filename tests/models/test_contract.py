"""A network is looked at before it is trained: what it shares, what it gives, whether it can learn."""

import copy
import gc
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import RECIPE, fit_each, make_group, make_rows
from sklearn.model_selection import cross_val_score
from torch import nn

from pipelines.errors import ModelError, TrainingError
from pipelines.models import MLP
from pipelines.models.contract import changing, refuse_shared, refuse_trained
from pipelines.models.learned import hashes
from pipelines.training.estimator import TorchClassifier
from pipelines.training.fit import fit


class Ends(nn.Module):
    """A linear layer, and whatever is made of its outputs."""

    def __init__(self, end, n_outputs=2):
        super().__init__()
        self.linear, self.end = nn.Linear(6, n_outputs), end

    def forward(self, inputs):
        return self.end(self.linear(inputs))


class SoftmaxInEvaluation(Ends):
    def forward(self, inputs):
        return self.linear(inputs) if self.training else self.linear(inputs).softmax(dim=1)


class NoisyBatches(Ends):
    """Noise for batches of one size, in training alone."""

    def forward(self, inputs):
        return self.linear(inputs + torch.randn(32, 6) if self.training else inputs)


class SwitchesOff(Ends):
    def forward(self, inputs):
        torch.set_grad_enabled(False)
        return self.linear(inputs)


class Bare(nn.Module):
    """Neither super().__init__() nor layers."""

    def __init__(self):
        pass


class Hidden(nn.Module):
    """Layers in a plain list: nobody sees their weights."""

    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(6, 2)]

    def forward(self, inputs):
        return self.layers[0](inputs)


NET, TRUNK, TABLE = MLP([6, 2]), nn.Linear(6, 4), torch.ones(6)


class WithTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", TABLE[1:].view(5), persistent=False)
        self.linear = nn.Linear(6, 2)


SHARED = {
    "one network": (lambda: NET, "are one and the same"),
    "a trunk": (lambda: nn.Sequential(TRUNK, nn.Linear(4, 2)), "have '0.weight' in common"),
    "a view of a buffer": (WithTable, "have 'table' in common"),
}


def refuse_all(networks):
    """As if training changed every weight and buffer."""
    tensors = itertools.chain(networks[0].named_parameters(), networks[0].named_buffers())
    refuse_shared(networks, {name for name, _ in tensors})


@pytest.mark.parametrize("case", SHARED)
def test_networks_that_share_something_are_refused(case):
    make, how = SHARED[case]
    with pytest.raises(ModelError, match=how) as refused:
        refuse_all([make(), make()])
    assert "inside make_model" in refused.value.hint


def test_what_networks_of_their_own_have_in_common_is_nothing():
    same = MLP([6, 2]).state_dict()
    copies = [MLP([6, 2]), MLP([6, 2])]
    for network in copies:
        network.load_state_dict(same)  # equal weights are not the same weights
    assert refuse_all(copies) is None
    assert refuse_all([nn.LazyLinear(2), nn.LazyLinear(2)]) is None


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # there is nothing to learn
def test_one_network_for_all_folds_does_not_score_coin_flips():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 6)), rng.integers(0, 2, 120)
    of = lambda make: TorchClassifier(make, epochs=12, lr=0.02, random_state=0)  # noqa: E731
    assert abs(cross_val_score(of(lambda d, c: MLP([d, 32, c])), X, y, cv=3).mean() - 0.5) < 0.12
    with pytest.raises(ModelError, match="one and the same"):
        cross_val_score(of(lambda _d, _c: NET), X, y, cv=3, error_score="raise")


def test_networks_dealt_out_in_turn_are_refused_when_they_come_back():
    nets = [MLP([6, 2]) for _ in range(5)]
    turn = itertools.cycle(nets)
    fit_several = lambda: [fit_each(make_rows(1), lambda: next(turn)) for _ in range(6)]  # noqa: E731
    with pytest.raises(ModelError, match="come back after they were trained"):  # the sixth is one of five
        fit_several()
    network = MLP([6, 2])
    refuse_trained([network], changing(network, network))
    again = nn.Sequential(network, nn.ReLU())
    with pytest.raises(ModelError, match="come back"):
        refuse_trained([again], changing(again, again))
    kept = network.layers[0].weight
    del network
    gc.collect()
    assert kept.shape == (2, 6)  # nothing but the layers is remembered, and only while they live


class Less(nn.Module):
    """A linear layer of the inputs less what `of` makes of the network and them."""

    def __init__(self, of=lambda net, _inputs: net.mean, **held):
        super().__init__()
        self.linear, self.of = nn.Linear(6, 2), of
        for name, tensor in held.items():
            self.register_buffer(name, tensor)

    def forward(self, inputs):
        return self.linear(inputs - self.of(self, inputs))


class Centred(nn.Module):
    """A parameter that no gradient reaches, and training moves all the same."""

    def __init__(self):
        super().__init__()
        self.linear, self.centre = nn.Linear(6, 2), CENTRE

    def forward(self, inputs):
        if self.training:
            with torch.no_grad():
                self.centre.lerp_(inputs.mean(dim=0), 0.1)
        return self.linear(inputs - self.centre)


def spread(net, inputs):
    return torch.sparse.mm(net.neighbours, inputs.T).T


MEAN, GAPS = torch.ones(6), torch.tensor([0, 0, 0, 0, 0, torch.nan])
FROZEN = nn.Sequential(nn.Linear(6, 6), nn.ReLU()).requires_grad_(False)
CENTRE, NORM = nn.Parameter(torch.zeros(6), requires_grad=False), nn.BatchNorm1d(6)
FROZEN_NORM = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6)).requires_grad_(False)
FROZEN_DROPOUT = nn.Sequential(nn.Linear(6, 6), nn.Dropout()).requires_grad_(False)
with torch.sparse.check_sparse_tensor_invariants(enable=True):  # torch 2.11 warns where nobody has chosen
    NEIGHBOURS = torch.eye(6).to_sparse()
    HUGE = torch.sparse_coo_tensor([[0, 10**8], [0, 10**8]], [1.0, 2.0], (10**9, 10**9))
CONSTANT = {
    "a buffer": lambda: Less(mean=MEAN),
    "a view of a buffer": lambda: Less(mean=MEAN[:1]),
    "a buffer with NaN": lambda: Less(lambda net, _: net.gaps.nan_to_num(), gaps=GAPS),
    "a frozen backbone": lambda: nn.Sequential(FROZEN, nn.Linear(6, 2)),
    "a frozen backbone behind a layer": lambda: nn.Sequential(nn.Linear(6, 6), FROZEN, nn.Linear(6, 2)),
    "a sparse buffer": lambda: Less(spread, neighbours=NEIGHBOURS),
    "a sparse buffer that fits no memory when it is dense": lambda: Less(lambda net, _: net.huge.sum(), huge=HUGE),
    "a sparse buffer of its own": lambda: Less(spread, neighbours=torch.eye(6).to_sparse()),
}
MOVED = {
    "batch norm": (lambda: nn.Sequential(NORM, nn.Linear(6, 2)), "'0.weight' in common: each fold would go on"),
    "a frozen batch norm": (lambda: nn.Sequential(FROZEN_NORM, nn.Linear(6, 2)), "'0.1.running_mean' in common"),
    "a frozen parameter that moves": (Centred, "'centre' in common"),
    "dropout": (lambda: nn.Sequential(FROZEN_DROPOUT, nn.Linear(6, 2)), "'0' in common: its dropout draws"),
}


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # some cannot be stacked
@pytest.mark.parametrize("n_networks", [1, 3])
@pytest.mark.parametrize("case", CONSTANT)
def test_what_no_step_changes_may_be_shared_and_come_back(case, n_networks):
    kept = copy.deepcopy(FROZEN.state_dict()) | {"mean": MEAN.clone()}
    for _ in range(2):
        assert len(fit_each(make_rows(n_networks), CONSTANT[case])) == n_networks
    assert all(torch.equal(tensor, kept[name]) for name, tensor in {**FROZEN.state_dict(), "mean": MEAN}.items())


@pytest.mark.parametrize("n_networks", [1, 3])
@pytest.mark.parametrize("case", MOVED)
def test_what_training_moves_may_not_be_shared_frozen_or_not(case, n_networks):
    make, told = MOVED[case]
    with pytest.raises(ModelError, match=told):
        fit_each(make_rows(n_networks), make)


def test_a_frozen_batch_norm_dealt_out_in_turn_is_refused_when_it_comes_back():
    norms = [nn.BatchNorm1d(6).requires_grad_(False) for _ in range(5)]
    turn = itertools.cycle(norms)
    with pytest.raises(ModelError, match="come back after they were trained"):
        [fit_each(make_rows(1), lambda: nn.Sequential(next(turn), nn.Linear(6, 2))) for _ in range(6)]


@pytest.mark.parametrize("n_networks", [1, 3])
def test_frozen_weights_that_networks_share_are_not_written_to(n_networks):
    """Whoever trains beside them would find a weight of its graph changed."""
    versions = [tensor._version for tensor in FROZEN.state_dict(keep_vars=True).values()]
    fit_each(make_rows(n_networks, held_out=20), CONSTANT["a frozen backbone"], replace(RECIPE, patience=2))
    assert [tensor._version for tensor in FROZEN.state_dict(keep_vars=True).values()] == versions


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize(
    "hold", [lambda: nn.Parameter(NEIGHBOURS, requires_grad=False), lambda: nn.Buffer(torch.eye(6).to_sparse_csr())]
)
def test_what_torch_cannot_copy_is_told(hold):
    def make():
        network = Less(spread)
        network.neighbours = hold()
        return network

    with pytest.raises(ModelError, match=r"cannot be copied: \w+Error: ") as refused:
        fit_each(make_rows(1), make)
    assert "COO" in refused.value.hint


WRONG = {
    "its own error": (lambda net, _: {}["age"], "KeyError: 'age'"),
    "a bare error": (lambda net, _: next(iter(())), r"\(float32\): StopIteration\n"),
    "numpy": (lambda net, _: torch.from_numpy(net.linear.weight.numpy()), "Can't call numpy"),
    "a name": (lambda net, _: net.nothing, "has no attribute 'nothing'"),
    "types": (lambda net, inputs: inputs.double(), "same dtype"),
}
TOO_WIDE = {
    "broadcast": lambda net, _: torch.ones(7),
    "a product": lambda net, inputs: inputs @ torch.ones(7, 6),
    "a vector": lambda net, inputs: (inputs @ torch.ones(7))[:, None],
    "a view": lambda net, inputs: inputs.view(-1, 7),
    "a column": lambda net, inputs: inputs[:, [6]],
    "side by side": lambda net, inputs: torch.cat([inputs, inputs[:3]], dim=1),
    "batch norm": lambda net, inputs: nn.BatchNorm1d(7)(inputs),
    "layer norm": lambda net, inputs: nn.LayerNorm(7)(inputs),
    "a convolution": lambda net, inputs: nn.Conv1d(3, 2, 1)(inputs.view(-1, 2, 3)),
    "no channels": lambda net, inputs: nn.Conv2d(1, 2, 3)(inputs),
    "a small picture": lambda net, inputs: nn.Conv2d(1, 2, 5)(inputs.view(-1, 1, 2, 3)),
    "recurrent": lambda net, inputs: nn.GRU(7, 2)(inputs)[0],
    "attention": lambda net, inputs: nn.MultiheadAttention(8, 2)(inputs, inputs, inputs)[0],
    "einsum": lambda net, inputs: torch.einsum("bi,i->b", inputs, torch.ones(7)),
    "expanded": lambda net, inputs: inputs.expand(32, 7),
    "groups": lambda net, inputs: nn.GroupNorm(1, 7)(inputs),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_of_its_own_is_not_laid_to_the_width(case):
    of, told = WRONG[case]
    with pytest.raises(ModelError, match=rf"cannot take a batch of the shape \(32, 6\).*{told}") as refused:
        fit_each(make_rows(1), lambda: Less(of))
    assert "make_model(6, n_outputs)(torch.randn(32, 6))" in refused.value.hint
    assert "wide" not in refused.value.hint


@pytest.mark.parametrize("case", TOO_WIDE)
def test_an_error_about_shapes_is_answered_with_the_width(case):
    with pytest.raises(ModelError, match="cannot take a batch") as refused:
        fit_each(make_rows(1), lambda: Less(TOO_WIDE[case]))
    assert "n_features, says (6 here)" in refused.value.hint


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    "compiled", [torch.jit.script, lambda net: torch.jit.trace(net, torch.ones(2, 6))], ids=["script", "trace"]
)
def test_compiled_networks_are_told_by_name(compiled):
    for make in (lambda: compiled(nn.Linear(6, 2)), lambda: nn.Sequential(compiled(nn.Linear(6, 4)), nn.Linear(4, 2))):
        with pytest.raises(ModelError, match="a network of torch.jit"):
            fit_each(make_rows(1), make)


def copied_from_the_last(part):
    """A make_model whose networks begin, or a part of them, with what the last one has by then."""
    made = []

    def make(n_features=6, n_classes=2):
        network = MLP([n_features, 8, n_classes])
        for last in made[-1:]:
            part(network).load_state_dict(part(last).state_dict())
        made[:] = [network]
        return network

    return make


@pytest.mark.parametrize("part", [lambda n: n, lambda n: n.layers[0]], ids=["all", "a layer"])
def test_networks_that_begin_with_what_another_has_learned_are_refused(part):
    make = copied_from_the_last(part)
    assert len(fit_each(make_rows(2), make)) == 2  # equal at first, and untrained
    with pytest.raises(ModelError, match=r"begin with what another network has learned \('layers.0.weight'\)"):
        fit_each(make_rows(1), make)


@pytest.mark.filterwarnings("ignore::pipelines.errors.TrainingWarning")  # there is nothing to learn
def test_a_file_of_weights_between_folds_does_not_score_coin_flips(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 6)), rng.integers(0, 2, 120)
    made, file = copied_from_the_last(lambda network: network), tmp_path / "model.pth"

    def load(d, c):
        torch.save(made(d, c).state_dict(), file)
        network = MLP([d, 8, c])
        network.load_state_dict(torch.load(file))
        return network

    cross_val_score(TorchClassifier(load, epochs=2), X, y, cv=3, error_score="raise")  # never trained: it may
    with pytest.raises(ModelError, match="has learned"):
        cross_val_score(TorchClassifier(made, epochs=12), X, y, cv=3, error_score="raise")


def test_copies_of_an_untrained_network_may_be_trained_again_and_again():
    first = MLP([6, 8, 2], norm="layer")
    losses = [fit_each(make_rows(1), lambda: copy.deepcopy(first))[0].history.losses for _ in range(3)]
    assert losses[0] == losses[1] == losses[2]
    trained = fit_each(make_rows(1), lambda: copy.deepcopy(first))[0].model
    with pytest.raises(ModelError, match="has learned"):
        fit_each(make_rows(1), lambda: copy.deepcopy(trained))


def test_of_weights_little_is_kept():
    network = nn.Sequential(nn.Linear(2000, 1000), nn.Linear(1000, 2), nn.LayerNorm(2))
    before = hashes(network)
    assert sorted(before) == ["0.bias", "0.weight", "1.bias", "1.weight"]  # ones and zeros many begin with
    assert all(isinstance(number, int) for number in before.values())
    with torch.no_grad():
        network[0].weight.mul_(1.01)
    assert [name for name, number in hashes(network).items() if number != before[name]] == ["0.weight"]


GIVES = {
    "too many": (lambda: Ends(lambda o: o, 5), r"\(32, 2\): a row of 2 .*evaluation it gives the shape \(32, 5\)"),
    "one number a row": (lambda: Ends(lambda o: o[:, 0]), r"gives the shape \(32,\)"),
    "one column": (lambda: Ends(lambda o: o, 1), r"gives the shape \(32, 1\)"),
    "rows and columns exchanged": (lambda: Ends(lambda o: o.T), r"gives the shape \(2, 32\)"),
    "several answers when it predicts": (lambda: Ends(lambda o: o[:, None].repeat(1, 3, 1)), r"\(32, 3, 2\)"),
    "a tuple": (lambda: Ends(lambda o: (o, o)), "gives tuple of 2"),
    "a dict": (lambda: Ends(lambda o: {"logits": o}), "gives dict of 1"),
    "nothing": (lambda: Ends(lambda _o: None), "gives None: does forward end with return"),
    "classes": (lambda: Ends(lambda o: o.argmax(dim=1)), "gives a tensor of int64"),
    "complex numbers": (lambda: Ends(lambda o: o + 0j), "gives a tensor of complex64"),
    "NaN": (lambda: Ends(lambda o: o * torch.nan), "NaN or infinite before the first step"),
    "probabilities": (lambda: Ends(lambda o: o.softmax(dim=1)), "outputs are probabilities"),
    "probabilities when it predicts": (lambda: SoftmaxInEvaluation(None), "outputs are probabilities"),
    "probabilities of the rows": (
        lambda: nn.Sequential(nn.Linear(6, 2), nn.Softmax(dim=0)),
        r"\(each column sums to 1\)",
    ),
    "a row without its axis": (lambda: Ends(torch.squeeze), r"takes 32, and with 1 .* gives the shape \(2,\)"),
    "a fixed number of rows": (
        lambda: Ends(lambda o: o.view(32, -1)),
        "takes 32, and with 1 .*invalid for input",
    ),
    "a fixed number in training": (lambda: NoisyBatches(None), "takes 32, and with 31 .*must match"),
    "statistics of the rows": (
        lambda: Ends(lambda o: o / (o - o.mean(dim=0))),
        "takes 32, and with 1 .*NaN or infinite",
    ),
    "outputs without a gradient": (lambda: Ends(torch.detach), "no gradient reaches the network's weights"),
    "a gradient of its own": (lambda: Ends(lambda o: o.detach().requires_grad_()), "no gradient reaches"),
    "gradients switched off": (lambda: SwitchesOff(None), "no gradient reaches"),
    "a sigmoid": (lambda: Ends(torch.sigmoid), "outputs are those of a sigmoid"),
    "another width": (lambda: MLP([7, 4, 2]), r"cannot take a batch of the shape \(32, 6\).*in layer 'layers.0'"),
    "two inputs": (lambda: nn.Bilinear(6, 6, 2), "cannot take a batch of the shape .*missing 1 required"),
    "nothing to learn": (lambda: MLP([6, 2]).requires_grad_(False), "has nothing to learn: no weight of MLP"),
    "hidden layers": (Hidden, "has nothing to learn: no weight of Hidden"),
    "no network": (lambda: None, "make_model gives NoneType"),
    "what cannot be made": (lambda: nn.Module(6, 2), "make_model fails: TypeError: .*1 positional argument"),
    "an error of its own": (lambda: {}["width"], "make_model fails: KeyError: 'width'"),
    "a network that is not begun": (Bare, "make_model fails: AttributeError: 'Bare' object has no"),
    "no numbers": (lambda: nn.Linear(6, 2, device="meta"), "on the device 'meta', whose weights have no numbers"),
    "a class": (lambda: MLP, "make_model gives type"),
}


@pytest.mark.parametrize("n_networks", [1, 3])
@pytest.mark.parametrize("case", GIVES)
def test_what_a_network_gives_is_told_before_it_is_trained(case, n_networks):
    make, told = GIVES[case]
    with pytest.raises(TrainingError, match=told) as refused:
        fit_each(make_rows(n_networks), make)
    assert refused.value.hint
    assert refused.value.hint_zh


def test_as_many_rows_as_classes_do_not_hide_an_exchange():
    rows = make_rows(1)
    rows[0].target[:] = torch.arange(100) % 32
    group = make_group(rows, lambda: Ends(lambda o: o.T, 32))
    with pytest.raises(ModelError, match=r"\(31, 32\).*gives the shape \(32, 31\)"):
        fit(type(group)(**{**vars(group), "n_outputs": 32}))


def test_batch_norm_on_single_rows_is_told_and_a_last_single_row_is_left_out():
    make = lambda: MLP([6, 8, 2], norm="batch")  # noqa: E731
    with pytest.raises(ModelError, match="batch norm cannot learn from a batch of 1 row"):
        fit_each(make_rows(1), make, type(RECIPE)(batch_size=1))
    assert fit_each(make_rows(1, n_rows=65), make, type(RECIPE)(epochs=1, batch_size=32))


def test_the_look_leaves_torchs_generator_and_the_networks_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    noisy = lambda: Ends(lambda o: o + torch.rand_like(o))  # noqa: E731
    first, second = (fit_each(make_rows(1), noisy)[0] for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.history.losses == second.history.losses


@pytest.mark.parametrize("n_networks", [1, 3])
def test_lazy_layers_learn_what_plain_ones_learn(n_networks):
    lazy = lambda: nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(2))  # noqa: E731
    plain = lambda: nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))  # noqa: E731
    rows = make_rows(n_networks)
    for ours, theirs in zip(fit_each(rows, lazy), fit_each(rows, plain), strict=True):
        assert ours.history.losses == pytest.approx(theirs.history.losses, abs=1e-5)


@pytest.mark.parametrize("n_networks", [1, 3])
@pytest.mark.parametrize("default", [torch.float64, torch.bfloat16])
def test_lazy_layers_of_another_default_type_are_trained_in_float32(default, n_networks):
    rows = make_rows(n_networks)
    make = lambda: nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(2))  # noqa: E731
    torch.set_default_dtype(default)
    try:
        trained = fit_each(rows, make)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {tensor.dtype for each in trained for tensor in each.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("n_networks", [1, 3])
def test_networks_in_float64_are_trained_in_float32(n_networks):
    for trained in fit_each(make_rows(n_networks), lambda: MLP([6, 8, 2]).double()):
        assert {weight.dtype for weight in trained.model.parameters()} == {torch.float32}
