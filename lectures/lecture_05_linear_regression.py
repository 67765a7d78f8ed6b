"""Lecture 5: linear regression with PyTorch. 第 5 讲：用 PyTorch 实现线性回归。"""

import matplotlib.pyplot as plt
import torch

# 1. Prepare the data: a row per sample, a column per feature. 准备数据：一行一个样本，一列一个特征。
x_data = torch.tensor([[1.0], [2.0], [3.0]])
y_data = torch.tensor([[2.0], [4.0], [6.0]])


# 2. Design the model: y_hat = w x + b. 设计模型。
class LinearModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)  # one feature in, one out; holds w and b. 输入、输出各一维，内含 w 和 b

    def forward(self, x):
        y_pred = self.linear(x)
        return y_pred


model = LinearModel()

# 3. Construct the loss and the optimizer. 构造损失函数和优化器。
# NOTE[DIFF]: the notes' size_average=False is spelled reduction="sum" since PyTorch 0.4.1. 旧写法 size_average 已废弃。
criterion = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

# 4. The training cycle: forward, zero, backward, update. 训练循环：前馈、清零、反馈、更新。
losses = []
for epoch in range(1000):
    y_pred = model(x_data)
    loss = criterion(y_pred, y_data)
    losses.append(loss.item())  # item(): a number, without the graph. 取出数值，不保留计算图
    if epoch % 100 == 0:
        print(epoch, loss.item())

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print("w =", model.linear.weight.item())
print("b =", model.linear.bias.item())

x_test = torch.tensor([[4.0]])
y_test = model(x_test)
print("y_pred =", y_test.item())

plt.semilogy(losses)
plt.xlabel("epoch")
plt.ylabel("loss")
plt.show()
