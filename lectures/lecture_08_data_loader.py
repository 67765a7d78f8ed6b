"""Lecture 8: Dataset and DataLoader, training by mini-batches. 第 8 讲：Dataset 与 DataLoader，按小批量训练。"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

# The folder with diabetes/diabetes.csv; `python -m pipelines lecture 08` fetches it. 数据文件夹；运行该命令会自动下载。
folder = sys.argv[1] if len(sys.argv) > 1 else "data/lectures"


class DiabetesDataset(Dataset):
    def __init__(self, filepath):
        xy = np.loadtxt(filepath, delimiter=",", dtype=np.float32)
        self.len = xy.shape[0]  # rows. 行数
        self.x_data = torch.from_numpy(xy[:, :-1])
        self.y_data = torch.from_numpy(xy[:, [-1]])  # [-1]: stays a column, (N, 1). 保持为一列

    def __getitem__(self, index):  # dataset[index]: one row and its label. 一行及其标签
        return self.x_data[index], self.y_data[index]

    def __len__(self):  # len(dataset)
        return self.len


dataset = DiabetesDataset(f"{folder}/diabetes/diabetes.csv")
# NOTE[DIFF]: the notes take several workers: right, but for rows that lie in memory they only cost time.
# 讲义用多个进程取数，并没有错；但数据本来就在内存里，只会更慢。
train_loader = DataLoader(dataset=dataset, batch_size=32, shuffle=True, num_workers=0)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1 = torch.nn.Linear(8, 6)
        self.linear2 = torch.nn.Linear(6, 4)
        self.linear3 = torch.nn.Linear(4, 1)
        # NOTE[DIFF]: the notes' three sigmoids learn nothing here (lecture 7). 讲义的三个 sigmoid 学不动（第 7 讲）。
        self.relu = torch.nn.ReLU()

    def forward(self, x):
        x = self.relu(self.linear1(x))
        x = self.relu(self.linear2(x))
        return self.linear3(x)


model = Model()
criterion = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

losses = []
# Workers start when the loop asks for its first batch: inside the guard. 子进程在循环取第一批时才启动，已在保护之内。
if __name__ == "__main__":
    print(len(dataset), "rows,", len(train_loader), "batches")  # NOTE[DIFF]: not len(dataset) / 32. 批数要向上取整
    for epoch in range(100):
        total = 0.0
        for i, (inputs, labels) in enumerate(train_loader, 0):
            y_pred = model(inputs)
            loss = criterion(y_pred, labels)

            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)  # the last batch is short. 最后一批较小，按行数计
        losses.append(total / len(dataset))
        if epoch % 10 == 0:
            print(epoch, losses[-1])
    plt.plot(losses)
    plt.xlabel("epoch")
    plt.ylabel("loss")
    plt.show()
