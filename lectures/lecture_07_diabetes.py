"""Lecture 7: several inputs, the diabetes rows. 第 7 讲：多维特征的输入，糖尿病数据。"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import torch

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "data/lectures"

# 1. Prepare the data: eight measurements, the label in the last column. 准备数据：八个特征，最后一列是标签。
xy = np.loadtxt(f"{FOLDER}/diabetes/diabetes.csv", delimiter=",", dtype=np.float32)
x_data = torch.from_numpy(xy[:, :-1])  # (N, 8)
y_data = torch.from_numpy(xy[:, [-1]])  # (N, 1): [-1] in brackets keeps a matrix. 写成 [-1] 才保持为矩阵
print("rows, features:", tuple(x_data.shape), "labels:", tuple(y_data.shape))


# 2. Design the model: 8 -> 6 -> 4 -> 1. 设计模型：维度逐层降低。
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1 = torch.nn.Linear(8, 6)
        self.linear2 = torch.nn.Linear(6, 4)
        self.linear3 = torch.nn.Linear(4, 1)
        # NOTE[DIFF]: by the notes' three sigmoids hardly any gradient comes back. 三层 sigmoid 梯度消失，改用 ReLU。
        self.activate = torch.nn.ReLU()

    def forward(self, x):
        x = self.activate(self.linear1(x))
        x = self.activate(self.linear2(x))
        # NOTE[DIFF]: no sigmoid at the end, the criterion has it. 最后不加 sigmoid，损失函数里已有。
        return self.linear3(x)


model = Model()

# 3. Construct the loss and the optimizer. 构造损失函数和优化器。
# NOTE[DIFF]: the loss on logits is more exact than BCELoss behind a sigmoid. 直接用 logits 算损失，数值更稳定。
criterion = torch.nn.BCEWithLogitsLoss()
# NOTE[DIFF]: by the notes' SGD, lr 0.01, 100 epochs, it says "positive" of everybody: 0.6535. 讲义的设置只学到多数类。
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)

# 4. The training cycle: all rows in one batch. 训练循环：全部数据作为一批。
losses = []
for epoch in range(300):
    y_pred = model(x_data)
    loss = criterion(y_pred, y_data)
    losses.append(loss.item())
    if epoch % 30 == 0:
        print(epoch, loss.item())

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():  # a look, no training: no graph is needed. 只预测，不需要计算图
    y_pred_label = (torch.sigmoid(model(x_data)) >= 0.5).float()  # probability, then 0 or 1. 先变概率，再判 0 或 1
accuracy = (y_pred_label == y_data).float().mean().item()
print("loss =", losses[-1])
print("accuracy on the training rows =", accuracy)

plt.plot(losses)
plt.xlabel("epoch")
plt.ylabel("loss")
plt.show()
