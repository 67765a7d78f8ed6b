"""Lecture 12: an RNN cell, then an RNN, turn hello into ohlol. 第 12 讲：RNNCell 和 RNN 把 hello 变成 ohlol。"""

import matplotlib.pyplot as plt
import torch

# The notes show pictures only: written for them; the word is the slides'. 讲义只有图，程序据此写成；单词出自幻灯片
idx2char = ["e", "h", "l", "o"]
x_data = torch.tensor([1, 0, 2, 2, 3])  # hello
y_data = torch.tensor([3, 1, 2, 3, 2])  # ohlol
inputs = torch.eye(4)[x_data].unsqueeze(1)  # one-hot rows, (time, batch, 4). 独热向量
hidden_size = 8


class CellModel(torch.nn.Module):  # the loop over time written out. 自己写出沿时间的循环
    def __init__(self):
        super().__init__()
        self.cell = torch.nn.RNNCell(input_size=4, hidden_size=hidden_size)  # a linear layer and tanh. 线性层加激活
        # NOTE[DIFF]: the slides' logits are 4 hidden states, which tanh keeps in (-1, 1). 幻灯片直接用隐藏状态作输出
        self.linear = torch.nn.Linear(hidden_size, 4)

    def forward(self, inputs):
        hidden = torch.zeros(1, hidden_size)
        outputs = []
        for letter in inputs:  # one letter after the other, the same weights. 逐个字母，权重共享
            hidden = self.cell(letter, hidden)
            outputs.append(self.linear(hidden))
        return torch.cat(outputs)  # (time, 4)


class RNNModel(torch.nn.Module):  # torch.nn.RNN runs that loop. 由 torch.nn.RNN 完成循环
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.RNN(input_size=4, hidden_size=hidden_size, num_layers=1)
        self.linear = torch.nn.Linear(hidden_size, 4)

    def forward(self, inputs):
        outputs, _ = self.rnn(inputs)  # all states, and the last one. 每一步的状态，以及最后的状态
        return self.linear(outputs.squeeze(1))


models, losses, words = {"RNNCell": CellModel(), "RNN": RNNModel()}, {}, {}
criterion = torch.nn.CrossEntropyLoss()
for name, model in models.items():
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses[name], words[name] = [], []
    for epoch in range(15):
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, y_data)  # the five letters at once. 五个字母一起算
        loss.backward()
        optimizer.step()
        losses[name].append(loss.item())
        words[name].append("".join(idx2char[i] for i in outputs.argmax(dim=1)))
        print(f"{name}, epoch {epoch + 1}: {words[name][-1]}, loss {loss.item():.3f}")
    plt.plot(range(1, 16), losses[name], "o-", label=name)

plt.gca().set(xlabel="epoch", ylabel="cross entropy per letter", title="hello becomes ohlol")
plt.legend()
plt.show()
