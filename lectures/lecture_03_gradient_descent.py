"""Lecture 3: gradient descent, stochastic, mini-batch. 第 3 讲：梯度下降、随机梯度下降、小批量梯度下降。"""

import matplotlib.pyplot as plt
import torch

x_data = torch.tensor([1.0, 2.0, 3.0])
y_data = torch.tensor([2.0, 4.0, 6.0])
w = 1.0  # the first guess. 初始猜测


def forward(x):
    return x * w


# Over w a parabola, hence convex: every way down ends in its one least. 关于 w 是抛物线，是凸的：只有一个最低点。
def cost(xs, ys):
    return ((forward(xs) - ys) ** 2).mean().item()


def gradient(xs, ys):
    return (2 * xs * (forward(xs) - ys)).mean().item()  # d cost / d w. 代价对 w 的导数


# 1. Gradient descent: every update looks at all rows. 梯度下降：每次更新都看全部样本。
print("before training: f(4) =", forward(4))
cost_list = []
w_list = []
for epoch in range(100):
    cost_val = cost(x_data, y_data)
    grad_val = gradient(x_data, y_data)
    w -= 0.01 * grad_val  # against the gradient, by a small step. 沿负梯度走一小步
    cost_list.append(cost_val)
    w_list.append(w)
    if epoch % 10 == 0 or epoch == 99:
        print(f"epoch {epoch}: w = {w:.2f}, cost = {cost_val:.2f}")
print(f"after training: f(4) = {forward(4):.2f}")

# 2. Rows that do not lie on one line: each pulls w its own way. 现实的数据不在一条直线上：每个样本都把 w 拉向自己。
x_noisy = 4 * torch.rand(200)
y_noisy = 2 * x_noisy + 2 * torch.randn(200)

# All rows, one, or a few per update, drawn at random. 每次更新随机取全部、一个或一小批样本。
ways = {"all 200 rows": 200, "stochastic: 1 row": 1, "mini-batch: 20 rows": 20}
costs = {}
figure, (by_updates, by_rows) = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True)
for name, batch_size in ways.items():
    w = 0.0
    costs[name] = []
    for update in range(150):
        rows = torch.randperm(200)[:batch_size]
        w -= 0.01 * gradient(x_noisy[rows], y_noisy[rows])
        costs[name].append(cost(x_noisy, y_noisy))
    last = costs[name][100:]
    print(f"{name:<20} w = {w:.2f}, cost of the last 50 updates {min(last):.2f} to {max(last):.2f}")
    by_updates.plot(range(1, 151), costs[name], label=name)
    by_rows.semilogx([batch_size * n for n in range(1, 151)], costs[name], label=name)

by_updates.set(xlabel="updates", ylabel="cost of all rows")
by_rows.set(xlabel="rows looked at")
by_updates.legend()
plt.show()
