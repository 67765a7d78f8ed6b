"""Lecture 11: Inception. 第 11 讲：Inception。"""

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


class InceptionA(torch.nn.Module):  # four branches side by side. 四个并列分支
    def __init__(self, in_channels):
        super().__init__()
        conv, seq = torch.nn.Conv2d, torch.nn.Sequential
        self.branch1x1 = conv(in_channels, 16, kernel_size=1)
        self.branch5x5 = seq(conv(in_channels, 16, 1), conv(16, 24, 5, padding=2))
        self.branch3x3 = seq(conv(in_channels, 16, 1), conv(16, 24, 3, padding=1), conv(24, 24, 3, padding=1))
        self.branch_pool = seq(torch.nn.AvgPool2d(3, stride=1, padding=1), conv(in_channels, 24, 1))

    def forward(self, x):  # 16 + 24 + 24 + 24 = 88 channels, joined along dim 1. 沿通道维拼接
        return torch.cat([self.branch1x1(x), self.branch5x5(x), self.branch3x3(x), self.branch_pool(x)], dim=1)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 10, kernel_size=5)
        self.incep1 = InceptionA(in_channels=10)
        self.conv2 = torch.nn.Conv2d(88, 20, kernel_size=5)
        self.incep2 = InceptionA(in_channels=20)
        self.mp = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(88 * 4 * 4, 10)  # 1408

    def forward(self, x):
        x = self.incep1(F.relu(self.mp(self.conv1(x))))  # (88, 12, 12)
        x = self.incep2(F.relu(self.mp(self.conv2(x))))  # (88, 4, 4)
        return self.fc(x.flatten(1))


model = Net()
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)  # NOTE[DIFF]: theirs is 0.01. 讲义为 0.01
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.2)  # the last epoch at 0.01. 最后一轮 0.01
history = []
for epoch in range(4):  # NOTE[DIFF]: theirs are 10; steps of 0.05 need fewer. 讲义 10 轮；学习率大，可少训练几轮
    total, right, test_total, n_test = 0.0, 0, 0.0, len(test_loader.dataset)
    for inputs, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    scheduler.step()
    with torch.no_grad():
        for inputs, target in test_loader:
            outputs = model(inputs)
            test_total += criterion(outputs, target).item() * len(target)
            right += (outputs.argmax(dim=1) == target).sum().item()
    history.append((total / len(train_loader.dataset), test_total / n_test, right / n_test))
    print("{}: loss {:.3f}, test loss {:.3f}, accuracy {:.2%}".format(epoch + 1, *history[-1]))

plt.plot(range(1, len(history) + 1), [row[:2] for row in history], "o-", label=["training", "test"])
plt.gca().set(xlabel="epoch", ylabel="cross entropy per image", title="Inception")
plt.legend()
plt.show()
