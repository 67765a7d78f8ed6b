"""Lectures 10 and 11: devices, standardising, seeds, sizes and gradients."""

import pytest
import torch
from torch import nn

from lectures.course.data import Digits
from lectures.course.image_training import Plan, Trained, learn, standardised, summary
from lectures.course.lecture import Setting
from lectures.gates import lecture_10_gpu, lecture_11_homework
from pipelines.models import ConvNet, residual_net
from pipelines.training.loop import predict_logits

CPU = torch.device("cpu")


@pytest.fixture
def images() -> Digits:
    """64 images of 8 x 8 pixels: a bright column that the label counts."""
    labels = torch.arange(64) % 8
    pixels = torch.rand(64, 1, 8, 8) * 0.1
    pixels[torch.arange(64), 0, :, labels] = 1.0
    return Digits(
        train=pixels, train_labels=labels, test=pixels[:16], test_labels=labels[:16], source="", is_stand_in=True
    )


def test_the_homework_has_a_gate_for_every_block(tmp_path, monkeypatch):
    setting = Setting(stand_in=True, pictures=tmp_path)
    right = Trained(model=nn.Linear(1, 1), losses=[1.0], epoch_seconds=1.0, predicted=torch.zeros(1), accuracy=0.99)
    asked = []
    monkeypatch.setattr(lecture_11_homework, "draw_gradient_flow", lambda *_: None)
    monkeypatch.setattr(
        lecture_11_homework, "learn", lambda name, make, *_: asked.append((name.split("/")[1], make())) or right
    )
    gates = list(lecture_11_homework.run(setting))
    assert [gate.what.removeprefix("mean accuracy, ") for gate in gates] == list(lecture_11_homework.blocks(norm=True))
    assert [name for name, _ in asked[::3]] == list(lecture_11_homework.blocks(norm=True))
    assert all(any(isinstance(m, nn.BatchNorm2d) for m in model.modules()) for _, model in asked)


def test_model_inputs_and_labels_go_to_the_device():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    inputs, target = torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 2, 0, 1])
    outputs, gradient = lecture_10_gpu.outputs_and_gradient(model, inputs, target, CPU)
    torch.testing.assert_close(outputs, model(inputs).detach())
    seen = []
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):  # nothing comes back from there
        lecture_10_gpu.outputs_and_gradient(nn.Sequential(model, Spy(seen)), inputs, target, torch.device("meta"))
    assert seen == ["meta"]
    softmax = outputs.softmax(dim=1) - nn.functional.one_hot(target, 3)
    torch.testing.assert_close(gradient, softmax.T @ inputs.flatten(1) / 5)


class Spy(nn.Module):
    """Notes on which device its inputs lie."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def forward(self, inputs):
        self.seen.append(inputs.device.type)
        return inputs


def test_standardising_takes_mean_and_deviation_from_the_training_images():
    train, test = torch.rand(50, 1, 4, 4), torch.rand(20, 1, 4, 4) + 3
    labels = torch.zeros(50, dtype=torch.long)
    digits = Digits(train=train, train_labels=labels, test=test, test_labels=labels[:20], source="", is_stand_in=True)
    images = standardised(digits, CPU)
    assert images.train.mean().item() == pytest.approx(0, abs=1e-6)
    assert images.train.std().item() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(images.test, (test - train.mean()) / train.std())


def test_the_same_seed_learns_the_same_network_and_another_seed_another_one(images):
    def make_model() -> nn.Module:
        return residual_net(images.shape, 8, lecture_11_homework.blocks(norm=True)["dropout"], padding=2)

    plan, state = Plan(epochs=2, lr=1e-2, batch_size=16), torch.get_rng_state()
    runs = [learn("loss", make_model, images, plan, Setting(seed=seed)) for seed in (3, 3, 4)]
    assert runs[0].losses == runs[1].losses != runs[2].losses
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_learns_and_is_scored_on_the_test_images(images):
    trained = learn("loss", lambda: ConvNet(images.shape, 8, padding=2), images, Plan(epochs=20, lr=1e-2), Setting())
    assert trained.losses[-1] < 0.1 < trained.losses[0]
    assert trained.accuracy == (trained.predicted == images.test_labels).double().mean().item() == 1.0
    assert [len(trained.test_losses), len(trained.accuracies), trained.accuracies[-1]] == [20, 20, 1.0]
    logits = predict_logits(trained.model, images.test)
    assert trained.test_losses[-1] == pytest.approx(nn.functional.cross_entropy(logits, images.test_labels).item())


def test_the_summary_counts_parameters_and_mistakes():
    trained = Trained(
        model=nn.Linear(9, 10), losses=[2.0, 0.5], epoch_seconds=1.25, predicted=torch.zeros(1000), accuracy=0.993
    )
    assert summary("net", trained) == (
        "net: 100 parameters, 2 epochs of 1.2 s, loss 2.000 to 0.500, 99.30% of 1,000 test images, 7 wrong"
    )


def test_the_homework_compares_the_variants_that_it_names_at_equal_size(images):
    blocks = lecture_11_homework.blocks(norm=True)
    assert list(blocks) == [
        "original", "pre-activation", "constant scaling", "1x1 convolution", "dropout", "gated", "no shortcut", "dense",
    ]  # fmt: skip
    sizes = [sum(p.numel() for p in residual_net((1, 28, 28), 10, block).parameters()) for block in blocks.values()]
    assert max(sizes) < 1.2 * min(sizes)


def test_gradients_reach_the_first_block_through_an_identity_only(images):
    blocks = lecture_11_homework.blocks(norm=False)
    flow = {name: lecture_11_homework.gradient_norms(block, images, seed=0) for name, block in blocks.items()}
    ratio = {name: norms[0] / norms[-1] for name, norms in flow.items()}
    assert ratio["original"] > 0.05
    assert ratio["pre-activation"] > 0.05
    assert ratio["constant scaling"] < 1e-3
    assert ratio["no shortcut"] < 1e-9
