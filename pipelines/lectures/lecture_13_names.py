"""Lecture 13, classification with an RNN: names and their countries, packed sequences, both directions."""

from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from pipelines.lectures.data import Names, names
from pipelines.lectures.fit import fit, seeded
from pipelines.lectures.lecture import Gate, Lecture, Setting, at_least, at_most, equal
from pipelines.lectures.pictures import draw_confusion
from pipelines.models.rnn import NameClassifier

EPOCHS, BATCH, CODES = 10, 256, 128
NOTES_NAMES = (10, 8, 7, 7, 7, 7, 6, 6, 5)  # lengths whose packed batch sizes the notes print


def encode(rows: Sequence[tuple[str, int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Letters (N, T) by their code, 0 behind the end; lengths (N,); classes (N,). Other letters are 1."""
    codes = [[code if (code := ord(letter)) < CODES else 1 for letter in name] for name, _ in rows]
    lengths = torch.tensor([len(name) for name in codes])
    letters = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for row, name in zip(letters, codes, strict=True):
        row[: len(name)] = torch.tensor(name)
    return letters, lengths, torch.tensor([country for _, country in rows])


def packed_sizes(lengths: Sequence[int]) -> list[int]:
    """How many of the sequences are still there at each step."""
    padded = torch.zeros(len(lengths), max(lengths), 1)
    packed = pack_padded_sequence(padded, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    return [int(n) for n in packed.batch_sizes]


def direction_difference() -> float:
    """The hidden state of a bidirectional GRU less [last of forward, first of backward] of its outputs."""
    gru = nn.GRU(5, 4, bidirectional=True, batch_first=True)
    outputs, hidden = gru(torch.randn(3, 7, 5))
    ends = torch.cat([outputs[:, -1, :4], outputs[:, 0, 4:]], dim=1)
    return float((torch.cat([hidden[0], hidden[1]], dim=1) - ends).abs().max())


def packing_difference() -> float:
    """Packed sequences less each sequence alone, without padding."""
    gru = nn.GRU(5, 4, bidirectional=True, batch_first=True)
    lengths, inputs = torch.tensor([2, 6, 4]), torch.randn(3, 6, 5)
    hidden = gru(pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False))[1]
    alone = torch.cat([gru(row[None, :n])[1] for row, n in zip(inputs, lengths, strict=True)], dim=1)
    return float((hidden - alone).abs().max())


def predict(setting: Setting, model: nn.Module, letters: Tensor, lengths: Tensor) -> Tensor:
    """The most probable country of each name, (N,)."""
    model.eval()
    with torch.inference_mode():
        parts = zip(letters.split(1024), lengths.split(1024), strict=True)
        return torch.cat([model(part.to(setting.device), n).argmax(dim=1).cpu() for part, n in parts])


def run(setting: Setting) -> Iterator[Gate]:
    """Identities first, then the classifier."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(setting.seed)
        yield at_most("hidden state less [last forward, first backward]", direction_difference(), 1e-6)
        yield at_most("packed less each sequence alone", packing_difference(), 1e-6)
    yield equal("packed batch sizes of the notes", packed_sizes(NOTES_NAMES), [9, 9, 9, 9, 9, 8, 6, 2, 1, 1])
    yield equal("packed batch sizes of lengths 3 and 1", packed_sizes((3, 1)), [2, 1, 1])
    data = names(setting)
    yield from _classify(setting, data)


def _classify(setting: Setting, data: Names) -> Iterator[Gate]:
    letters, lengths, countries = encode(data.train)
    test_letters, test_lengths, truth = encode(data.test)
    majority = Counter(countries.tolist()).most_common(1)[0][0]
    setting.say(f"majority ({data.countries[majority]}): {float((truth == majority).float().mean()):.4f}")
    model = seeded(setting, lambda: NameClassifier(CODES, len(data.countries)))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    epochs, batch = (25, 64) if data.stand_in else (EPOCHS, BATCH)
    rows = letters, lengths, countries
    fit(setting, model, rows, nn.CrossEntropyLoss(), optimizer, epochs, batch_size=batch, name="13/loss")
    found = predict(setting, model, test_letters, test_lengths)
    right = (found == truth).float()
    seen = set(data.train)
    new = torch.tensor([row not in seen for row in data.test])
    setting.say(f"without the {int((~new).sum())} test rows that also stand in train: {float(right[new].mean()):.4f}")
    draw_confusion(setting, "13-confusion", truth, found, data.countries)
    gate = 0.80 if data.stand_in else 0.83
    yield at_least(f"accuracy on {len(truth)} test names, {epochs} epochs", float(right.mean()), gate)


LECTURE = Lecture(number="13", title="names and countries", run=run)
