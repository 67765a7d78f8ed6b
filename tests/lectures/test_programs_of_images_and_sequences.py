"""The programs of lectures 10 to 13: they learn what the shared loop learns; their networks are those of the models."""

import gzip
import re

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from lectures.course.data import files_for_program, made_files
from lectures.course.idx import as_idx, parse_idx
from lectures.course.lecture import Setting
from lectures.course.program import FOLDER, run_program
from pipelines.errors import DataError
from pipelines.models import ConvNet, EmbeddingRNN, NameClassifier, ResidualBlock, inception_net, residual_net
from pipelines.training.loop import train, train_epoch

IMAGE_PROGRAMS = {
    "lecture_10_cnn": (ConvNet((1, 28, 28), 10), ["conv1", "conv2", "fc"]),
    "lecture_11_inception": (inception_net((1, 28, 28), 10), ["conv1", "incep1", "conv2", "incep2", "fc"]),
    "lecture_11_resnet": (
        residual_net((1, 28, 28), 10, ResidualBlock),
        ["conv1", "rblock1", "conv2", "rblock2", "fc"],
    ),
}


@pytest.fixture(scope="session")
def few_files():
    """The stand-ins' first rows: 150 images and 40 to test with (the last batches are short), 300 and 60 names."""
    images, names = made_files("mnist"), made_files("names")
    cut = {place: as_idx(parse_idx(data)[: 150 if "train" in place else 40]) for place, data in images.items()}
    for place, data in names.items():
        cut[place] = b"\n".join(data.splitlines()[: 300 if "train" in place else 60])
    return cut


@pytest.fixture
def ran(few_files, tmp_path, monkeypatch):
    """`ran(name, seed)`: what a program made of the few rows."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def run(name, seed=3):
        return run_program(Setting(seed=seed, pictures=tmp_path), name, few_files, picture="picture")

    return run


def weights(model):
    return nn.utils.parameters_to_vector(model.parameters()).tolist()


def losses_by_the_shared_loop(program, model, optimizer):
    """Rows in the program's order: each pass over its test rows draws from the random state, too."""
    rates = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.2) if hasattr(program, "scheduler") else None
    dataset, batch_size = program.train_loader.dataset, program.train_loader.batch_size
    loader, losses = DataLoader(dataset, batch_size=batch_size, shuffle=True), []
    for _ in program.history:
        losses.append(float(train_epoch(model, loader, nn.CrossEntropyLoss(), optimizer)))
        list(program.test_loader)
        if rates is not None:
            rates.step()
    return losses


@pytest.mark.parametrize("name", IMAGE_PROGRAMS)
def test_an_image_program_is_the_shared_loop_and_its_network_that_of_the_models(name, ran):
    program = ran(name)
    torch.manual_seed(3)
    model = type(program.model)()
    losses = losses_by_the_shared_loop(program, model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5))
    assert losses == pytest.approx([row[0] for row in program.history], abs=1e-6)
    assert weights(model) == pytest.approx(weights(program.model), abs=1e-6)

    ours, parts = IMAGE_PROGRAMS[name]
    in_order = [tensor for part in parts for tensor in model.get_submodule(part).state_dict().values()]
    ours.load_state_dict(dict(zip(ours.state_dict(), in_order, strict=True)))
    images = program.data["t10k"][0][:5]
    torch.testing.assert_close(ours(images), model(images))


def test_the_name_program_is_the_shared_loop_and_its_network_that_of_the_models(ran):
    program = ran("lecture_13_names")
    torch.manual_seed(3)
    model = type(program.model)(128, 100, len(program.countries), 2)
    losses = losses_by_the_shared_loop(program, model, torch.optim.Adam(model.parameters(), lr=0.001))
    assert losses == pytest.approx([row[0] for row in program.history], abs=1e-6)
    assert weights(model) == pytest.approx(weights(program.model), abs=1e-6)

    ours = NameClassifier(128, len(program.countries))
    ours.load_state_dict(dict(zip(ours.state_dict(), model.state_dict().values(), strict=True)))
    letters, lengths, _ = program.test_loader.dataset.tensors
    torch.testing.assert_close(ours(letters, lengths), model(letters, lengths))


def test_the_spelling_programs_are_the_shared_loop(ran):
    program = ran("lecture_12_rnn")
    torch.manual_seed(3)
    models = {"RNNCell": program.CellModel(), "RNN": program.RNNModel()}
    for name, model in models.items():
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        [history] = train(model, [(program.inputs, program.y_data)], nn.CrossEntropyLoss(), optimizer, 15)
        assert history.losses == pytest.approx(program.losses[name], abs=1e-6)
        assert weights(model) == pytest.approx(weights(program.models[name]), abs=1e-6)

    program = ran("lecture_12_embedding")
    ours = EmbeddingRNN(4, 4)
    torch.manual_seed(3)
    torch.randn(4, 3)  # W
    ours.load_state_dict(dict(zip(ours.state_dict(), program.Model().state_dict().values(), strict=True)))
    optimizer = torch.optim.Adam(ours.parameters(), lr=0.05)
    [history] = train(ours, [(program.x_data, program.y_data)], nn.CrossEntropyLoss(), optimizer, 15)
    assert history.losses == pytest.approx(program.losses, abs=1e-6)
    assert weights(ours) == pytest.approx(weights(program.model), abs=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hello_is_spelled_from_every_seed(seed, ran):
    assert {words[-1] for words in ran("lecture_12_rnn", seed).words.values()} == {"ohlol"}
    assert ran("lecture_12_embedding", seed).words[-1] == "ohlol"


def test_a_convolution_by_hand_is_pytorchs_at_other_sizes(ran):
    program = ran("lecture_10_convolution")
    x, layer = torch.randn(2, 7, 5), nn.Conv2d(2, 3, 2)
    with torch.no_grad():
        torch.testing.assert_close(program.convolve(x, layer.weight, layer.bias), layer(x))
    torch.testing.assert_close(program.pad(x, 2), nn.functional.pad(x, (2, 2, 2, 2)))
    torch.testing.assert_close(program.max_pool(x[:, :6, :3], 3), nn.MaxPool2d(3)(x[:, :6, :3]))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("lecture_1[0-3]_*.py")), ids=lambda path: path.stem)
def test_the_cycle_stands_in_each_program_that_trains(path):
    text = path.read_text(encoding="utf-8")
    steps = re.findall(r"optimizer\.zero_grad\(\)|loss\.backward\(\)|optimizer\.step\(\)", text)
    trains = path.stem != "lecture_10_convolution"
    assert steps == ["optimizer.zero_grad()", "loss.backward()", "optimizer.step()"] * trains


def test_every_image_and_name_counts_once_in_an_epochs_loss(ran):
    program = ran("lecture_10_cnn")
    assert len(program.train_loader.dataset) == 150
    assert [len(target) for _, target in program.train_loader] == [64, 64, 22]
    shown = [row[2] for row in program.history]
    assert all(0 <= accuracy <= 1 and (40 * accuracy) == pytest.approx(round(40 * accuracy)) for accuracy in shown)


@pytest.mark.parametrize(
    ("group", "name", "content"),
    [("names", "names_train.csv", b"Ada\n"), ("mnist", "train-images-idx3-ubyte", b"\0\0\x08\x01\0\0\0\2\7")],
)
def test_a_damaged_file_is_said_before_a_program_reads_it(group, name, content, few_files, tmp_path):
    for place, whole in few_files.items():
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / f"{place}.gz").write_bytes(gzip.compress(whole))
    assert not files_for_program(group, Setting(data=tmp_path)).is_stand_in
    (tmp_path / group / f"{name}.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError):
        files_for_program(group, Setting(data=tmp_path))
