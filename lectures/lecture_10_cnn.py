"""Lecture 10: a convolutional network reads digits. 第 10 讲：用卷积神经网络识别手写数字。"""

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


class Net(torch.nn.Module):  # (1, 28, 28) -> (10, 12, 12) -> (20, 4, 4) -> 10
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 10, kernel_size=5)  # 28 - 5 + 1 = 24, pooled 12. 池化后 12
        self.conv2 = torch.nn.Conv2d(10, 20, kernel_size=5)  # 12 - 5 + 1 = 8, pooled 4. 池化后 4
        self.pooling = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(20 * 4 * 4, 10)  # holds for 28 x 28 only. 只适用于 28 × 28 的图片

    def forward(self, x):
        x = F.relu(self.pooling(self.conv1(x)))
        x = F.relu(self.pooling(self.conv2(x)))
        x = x.flatten(1)  # NOTE[DIFF]: view(batch_size, -1) fails at the last 32 rows. 最后一批只有 32 行，view 会出错
        return self.fc(x)


device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
model = Net().to(device)  # NOTE[DIFF]: the notes ask is_availabel(). 讲义把 is_available 拼错了
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)  # NOTE[DIFF]: theirs is 0.01. 讲义为 0.01


def train():
    model.train()  # matters for dropout and batch norm. 有 dropout、批归一化时才有区别
    total = 0.0
    for inputs, target in train_loader:
        inputs, target = inputs.to(device), target.to(device)  # to the model's device. 与模型放到同一设备
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    return total / len(train_loader.dataset)


def test():
    model.eval()
    total, right = 0.0, 0
    with torch.no_grad():
        for inputs, target in test_loader:
            inputs, target = inputs.to(device), target.to(device)
            outputs = model(inputs)
            total += criterion(outputs, target).item() * len(target)
            right += (outputs.argmax(dim=1) == target).sum().item()
    return total / len(test_loader.dataset), right / len(test_loader.dataset)


history = []
for epoch in range(6):  # NOTE[DIFF]: theirs are 10; steps of 0.05 need fewer. 讲义 10 轮；学习率大，可少训练几轮
    history.append((train(), *test()))
    print("{}: loss {:.3f}, test loss {:.3f}, accuracy {:.2%}".format(epoch + 1, *history[-1]))
plt.plot(range(1, len(history) + 1), [row[:2] for row in history], "o-", label=["training", "test"])
plt.gca().set(xlabel="epoch", ylabel="cross entropy per image", title="Two convolutions")
plt.legend()
plt.show()
