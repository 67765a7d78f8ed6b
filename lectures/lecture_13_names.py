"""Lecture 13: which country does a surname come from? 第 13 讲：这个姓氏来自哪个国家？"""

import csv
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset

folder = sys.argv[1] if len(sys.argv) > 1 else "data/lectures"
rows = {}
for part in ("train", "test"):
    rows[part] = list(csv.reader(Path(f"{folder}/names/names_{part}.csv").read_text("utf-8").splitlines()))
countries = sorted({country for _, country in rows["train"]})


def make_tensors(rows):  # names as ASCII codes, filled up with 0; lengths; countries. 姓名的 ASCII 码，用 0 补齐
    lengths = torch.tensor([len(name) for name, _ in rows])
    names = torch.zeros(len(rows), lengths.max(), dtype=torch.long)
    for i, (name, _) in enumerate(rows):
        names[i, : len(name)] = torch.tensor([ord(c) for c in name])
    return TensorDataset(names, lengths, torch.tensor([countries.index(country) for _, country in rows]))


train_loader = DataLoader(make_tensors(rows["train"]), batch_size=256, shuffle=True)
test_loader = DataLoader(make_tensors(rows["test"]), batch_size=256)


class RNNClassifier(torch.nn.Module):
    def __init__(self, input_size, hidden_size, output_size, n_layers):
        super().__init__()
        self.embedding = torch.nn.Embedding(input_size, hidden_size)
        self.gru = torch.nn.GRU(hidden_size, hidden_size, n_layers, bidirectional=True, batch_first=True)
        self.fc = torch.nn.Linear(hidden_size * 2, output_size)  # forward and backward. 正反两个方向

    def forward(self, names, lengths):
        x = self.embedding(names)  # (batch, time, hidden)
        # NOTE[DIFF]: no sorting by length first; lengths stay on the CPU. 不必先按长度排序；长度放在 CPU 上
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, hidden = self.gru(packed)  # (layers * 2, batch, hidden)
        return self.fc(torch.cat([hidden[-2], hidden[-1]], dim=1))  # last layer. 最后一层


# The notes have no code here: written for their pictures and settings. 讲义此处没有代码，按其图和设置写成
model = RNNClassifier(128, 100, len(countries), 2)
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
history = []
for epoch in range(10):
    total, test_total, right = 0.0, 0.0, 0
    for names, lengths, target in train_loader:
        optimizer.zero_grad()
        output = model(names, lengths)
        loss = criterion(output, target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)

    with torch.no_grad():
        for names, lengths, target in test_loader:
            output = model(names, lengths)
            test_total += criterion(output, target).item() * len(target)
            right += (output.argmax(dim=1) == target).sum().item()
    history.append((total / len(rows["train"]), test_total / len(rows["test"]), right / len(rows["test"])))
    print("{}: loss {:.3f}, test loss {:.3f}, accuracy {:.2%}".format(epoch + 1, *history[-1]))

plt.plot(range(1, 11), [row[:2] for row in history], "o-", label=["training", "test"])
plt.gca().set(xlabel="epoch", ylabel="cross entropy per name", title="Name classifier")
plt.legend()
plt.show()
