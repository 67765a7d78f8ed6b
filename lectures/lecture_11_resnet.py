"""Lecture 11: a residual network. 第 11 讲：残差网络。"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

folder = sys.argv[1] if len(sys.argv) > 1 else "data/lectures"
data = {}
for part in ("train", "t10k"):  # ToTensor and Normalize by hand, to (N, C, H, W). 手写 ToTensor 和 Normalize
    images = np.fromfile(f"{folder}/mnist/{part}-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 1, 28, 28)
    labels = np.fromfile(f"{folder}/mnist/{part}-labels-idx1-ubyte", np.uint8)[8:]
    data[part] = (torch.tensor(images) / 255 - 0.1307) / 0.3081, torch.tensor(labels).long()
train_loader = DataLoader(TensorDataset(*data["train"]), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(*data["t10k"]), batch_size=500)  # NOTE[DIFF]: theirs is "train". 讲义误用训练集


class ResidualBlock(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.conv2 = torch.nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, x):
        y = F.relu(self.conv1(x))
        y = self.conv2(y)
        # NOTE[DIFF]: not the channels alone, the whole shapes of x and y are equal. 不只是通道数，整个形状都要相同
        return F.relu(x + y)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 16, kernel_size=5)
        self.conv2 = torch.nn.Conv2d(16, 32, kernel_size=5)
        self.mp = torch.nn.MaxPool2d(2)
        self.rblock1 = ResidualBlock(16)
        self.rblock2 = ResidualBlock(32)
        self.fc = torch.nn.Linear(32 * 4 * 4, 10)  # NOTE[DIFF]: the notes' 512, for 28 x 28 only. 只适用于 28 × 28

    def forward(self, x):
        x = self.rblock1(self.mp(F.relu(self.conv1(x))))  # (16, 12, 12)
        x = self.rblock2(self.mp(F.relu(self.conv2(x))))  # (32, 4, 4)
        return self.fc(x.flatten(1))


model = Net()
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)  # NOTE[DIFF]: theirs is 0.01. 讲义为 0.01
history = []
for epoch in range(4):  # NOTE[DIFF]: theirs are 10; steps of 0.05 need fewer. 讲义 10 轮；学习率大，可少训练几轮
    total, right, test_total = 0.0, 0, 0.0
    for inputs, target in train_loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    with torch.no_grad():
        for inputs, target in test_loader:
            outputs = model(inputs)
            test_total += criterion(outputs, target).item() * len(target)
            right += (outputs.argmax(dim=1) == target).sum().item()
    n_test = len(test_loader.dataset)
    history.append((total / len(train_loader.dataset), test_total / n_test, right / n_test))
    print("{}: loss {:.3f}, test loss {:.3f}, accuracy {:.2%}".format(epoch + 1, *history[-1]))

plt.plot(range(1, len(history) + 1), [row[:2] for row in history], "o-", label=["training", "test"])
plt.gca().set(xlabel="epoch", ylabel="cross entropy per image", title="Residual network")
plt.legend()
plt.show()
