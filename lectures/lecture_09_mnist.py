"""Lecture 9: MNIST by a fully connected network. 第 9 讲：用全连接网络识别手写数字。"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

FOLDER = (sys.argv[1] if len(sys.argv) > 1 else "data/lectures") + "/mnist"


# 1. Prepare the data: a byte per pixel behind a header. 准备数据：文件头之后，每个像素一个字节。
def dataset(part):
    pixels = np.fromfile(f"{FOLDER}/{part}-images-idx3-ubyte", dtype=np.uint8, offset=16)
    labels = np.fromfile(f"{FOLDER}/{part}-labels-idx1-ubyte", dtype=np.uint8, offset=8)
    images = torch.from_numpy(pixels).view(-1, 784) / 255  # as ToTensor: 0..255 to 0..1. 缩放到 0 到 1
    images = (images - 0.1307) / 0.3081  # as Normalize: mean 0, deviation 1. 标准化：均值 0，标准差 1
    return TensorDataset(images, torch.from_numpy(labels).long())


train_loader = DataLoader(dataset("train"), shuffle=True, batch_size=64)
# NOTE[DIFF]: the notes test on the training images: 99.40 where the truth is 97.67. 讲义误用训练集测试。
test_loader = DataLoader(dataset("t10k"), shuffle=False, batch_size=64)

# 2. Design the model: the last layer gives logits. 设计模型：最后一层不激活，直接输出 logits。
model = torch.nn.Sequential(
    torch.nn.Linear(784, 512), torch.nn.ReLU(),
    torch.nn.Linear(512, 256), torch.nn.ReLU(),
    torch.nn.Linear(256, 128), torch.nn.ReLU(),
    torch.nn.Linear(128, 64), torch.nn.ReLU(),
    torch.nn.Linear(64, 10),
)  # fmt: skip
# 3. Construct the loss and the optimizer. 构造损失函数和优化器。
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)


# 4. Train and test, epoch by epoch. 逐轮训练和测试。
def train(epoch):
    running_loss = 0.0
    for batch_idx, (inputs, target) in enumerate(train_loader, 1):
        optimizer.zero_grad()
        loss = criterion(model(inputs), target)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        # NOTE[DIFF]: the notes never log the last 38 of 938 batches. 讲义从不打印最后 38 批。
        if batch_idx % 300 == 0 or batch_idx == len(train_loader):
            print(f"[{epoch + 1}, {batch_idx:5d}] loss: {running_loss / batch_idx:.3f}")
    losses.append(running_loss / len(train_loader))


def test():
    correct, running_loss = 0, 0.0
    with torch.no_grad():
        for images, labels in test_loader:
            outputs = model(images)
            running_loss += criterion(outputs, labels).item()
            correct += (outputs.argmax(dim=1) == labels).sum().item()  # the place of the largest. 最大值的位置
    test_losses.append(running_loss / len(test_loader))
    accuracies.append(correct / len(test_loader.dataset))
    print(f"Accuracy on test set: {accuracies[-1]:.2%}")


losses, test_losses, accuracies = [], [], []
for epoch in range(10):
    train(epoch)
    test()

plt.plot(losses, label="train loss")
plt.plot(test_losses, "--", label="test loss")
plt.xlabel("epoch")
plt.legend()
plt.show()
