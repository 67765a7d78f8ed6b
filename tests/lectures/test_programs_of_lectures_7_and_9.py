"""The programs of lectures 7 and 9: what they learn is what the shared loop learns."""

import numpy as np
import pytest
import torch
from torch import nn

from lectures.course.data import made_files
from lectures.course.lecture import Setting
from lectures.course.program import run_program
from pipelines.training.loop import train


def weights(model):
    return nn.utils.parameters_to_vector(model.parameters()).tolist()


def test_the_diabetes_program_is_the_shared_loop(tmp_path):
    setting = Setting(seed=5, pictures=tmp_path)
    program = run_program(setting, "lecture_07_diabetes", made_files("diabetes"))
    torch.manual_seed(5)
    model = type(program.model)()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    rows = [(program.x_data, program.y_data)]
    [history] = train(model, rows, nn.BCEWithLogitsLoss(), optimizer, len(program.losses))
    assert weights(model) == pytest.approx(weights(program.model), abs=1e-6)
    assert history.losses == pytest.approx(program.losses, abs=1e-6)
    right = (model(program.x_data) >= 0) == program.y_data.bool()
    assert program.accuracy == pytest.approx(right.float().mean().item())


def test_the_softmax_program_has_the_same_loss_by_numpy_and_by_torch(tmp_path):
    said = []
    program = run_program(Setting(pictures=tmp_path, say=said.append), "lecture_09_softmax")
    assert program.y_pred == pytest.approx(torch.tensor(program.z).softmax(dim=0).numpy())
    assert program.loss == pytest.approx(program.in_one.item(), abs=1e-6)
    assert [program.l1.item(), program.l2.item()] == pytest.approx([0.4966, 1.2389], abs=1e-4)  # the slide's
    assert program.larger.max() > program.y_pred.max()
    assert "    loss by NumPy = 0.9729" in said


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    said = []
    setting = Setting(seed=2, pictures=tmp_path_factory.mktemp("pictures"), say=said.append)
    return run_program(setting, "lecture_09_mnist", made_files("mnist")), said


def test_the_mnist_program_is_the_shared_loop(mnist):
    program, _ = mnist
    torch.manual_seed(2)
    layers = [type(layer)(layer.in_features, layer.out_features) for layer in program.model if hasattr(layer, "weight")]
    model = nn.Sequential(*[each for layer in layers for each in (layer, nn.ReLU())][:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)

    def as_test(*_):
        iter(program.test_loader)  # which draws a number, too

    train(model, program.train_loader, nn.CrossEntropyLoss(), optimizer, 10, on_epoch=as_test)
    assert weights(model) == pytest.approx(weights(program.model), abs=1e-6)


def test_the_mnist_program_tests_on_test_images_and_logs_its_last_batch(mnist):
    program, said = mnist
    tested, trained = (loader.dataset.tensors[0] for loader in (program.test_loader, program.train_loader))
    assert (len(trained), len(tested)) == (1200, 597)
    images, labels = program.test_loader.dataset.tensors
    right = (program.model(images).argmax(dim=1) == labels).float().mean().item()
    assert program.accuracies[-1] == pytest.approx(right)
    assert len(program.accuracies) == len(program.test_losses) == len(program.losses) == 10
    assert sum("[1,    19] loss:" in line for line in said) == 1
    assert np.isclose(program.train_loader.dataset.tensors[0].min(), -0.1307 / 0.3081)
