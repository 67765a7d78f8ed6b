"""Lecture 12: an embedding in place of one-hot rows. 第 12 讲：用嵌入层代替独热向量。"""

import matplotlib.pyplot as plt
import torch

# The notes show pictures only: written for them. 讲义只有图，程序据此写成
idx2char = ["e", "h", "l", "o"]
x_data = torch.tensor([[1, 0, 2, 2, 3]])  # hello, (batch, time)
y_data = torch.tensor([3, 1, 2, 3, 2])  # ohlol

# A one-hot row times a matrix picks one row of it; an embedding looks it up. 独热乘矩阵就是取一行，嵌入层直接查表
W = torch.randn(4, 3)
one_hot = torch.eye(4)[x_data[0]]
print("one_hot =", one_hot.tolist())
print("one_hot @ W == W[x_data]:", torch.equal(one_hot @ W, W[x_data[0]]))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = torch.nn.Embedding(4, 10)  # for each letter a row of 10 numbers. 每个字母对应 10 个可学习的数
        self.rnn = torch.nn.RNN(input_size=10, hidden_size=8, num_layers=2, batch_first=True)
        self.fc = torch.nn.Linear(8, 4)

    def forward(self, x):
        x = self.emb(x)  # (batch, time) -> (batch, time, 10)
        x, _ = self.rnn(x)  # (batch, time, 8)
        return self.fc(x).view(-1, 4)  # (batch * time, 4), as the criterion takes it. 展平成损失函数要的形状


model = Model()
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
losses, words = [], []
for epoch in range(15):
    optimizer.zero_grad()
    outputs = model(x_data)
    loss = criterion(outputs, y_data)
    loss.backward()
    optimizer.step()

    losses.append(loss.item())
    words.append("".join(idx2char[i] for i in outputs.argmax(dim=1)))
    print(f"epoch {epoch + 1}: {words[-1]}, loss {loss.item():.3f}")

plt.plot(range(1, 16), losses, "o-")
plt.gca().set(xlabel="epoch", ylabel="cross entropy per letter", title="hello becomes ohlol, with an embedding")
plt.show()
