"""Lecture 6: logistic regression, hours of study and passing. 第 6 讲：逻辑回归，学习时间与能否通过。"""

import matplotlib.pyplot as plt
import torch

# NOTE[DIFF]: the notes write torch.Tensor([[0], [0], [1]]), which makes floats of integers unasked.
# 讲义的写法会把整数悄悄变成浮点数；这里直接写浮点数。
x_data = torch.tensor([[1.0], [2.0], [3.0]])
y_data = torch.tensor([[0.0], [0.0], [1.0]])


class LogisticRegressionModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        # NOTE[DIFF]: the notes return F.sigmoid(...) (today torch.sigmoid); here the sigmoid is part of the criterion.
        # 讲义在这里就过 sigmoid（旧写法 F.sigmoid）；这里把它并入损失函数。
        return self.linear(x)  # the logit, any number; a probability after the sigmoid. logit，过 sigmoid 才是概率


model = LogisticRegressionModel()

# NOTE[DIFF]: BCELoss behind a sigmoid takes logs of numbers that are rounded to 0 or 1; this one does both in one.
# 先 sigmoid 再 BCELoss，概率会舍入成 0 或 1，对数就不准；这里两步合在一起算。
criterion = torch.nn.BCEWithLogitsLoss()
# NOTE[DIFF]: the notes' 500 epochs at 0.01 end before the model has settled. 讲义的 0.01、500 轮没有收敛。
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

losses = []
for epoch in range(5000):
    y_pred = model(x_data)
    loss = criterion(y_pred, y_data)
    losses.append(loss.item())
    if epoch % 500 == 0:
        print(epoch, loss.item())

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

w, b = model.linear.weight.item(), model.linear.bias.item()
boundary = -b / w  # where w x + b = 0, that is p = 0.5. 此处 w x + b = 0，即概率为 0.5
print(f"w = {w:.3f}, b = {b:.3f}: passing is as likely as failing at {boundary:.2f} hours")

# The curve from 0 to 10 hours. 画出 0 到 10 小时的曲线。
hours = torch.linspace(0, 10, 200).view(200, 1)
with torch.no_grad():
    probability = torch.sigmoid(model(hours))

plt.plot(hours, probability)
plt.plot(x_data, y_data, "o", color="black")
plt.plot([0, 10], [0.5, 0.5], color="red")
plt.xlabel("hours")
plt.ylabel("probability of passing")
plt.grid()
plt.show()
