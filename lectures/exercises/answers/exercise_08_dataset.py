"""a Dataset over a csv file / 读取 csv 文件的 Dataset

The file has no header; all columns are numbers, the last one is the label, as in the diabetes file.

文件没有表头，每列都是数字，最后一列是标签，与糖尿病数据相同。

Task: write the three methods: `__init__` reads the file, `__len__` says how many rows there are, `__getitem__`
returns the features (D,) and the label (1,) of a row, float32 tensors.

任务：写出三个方法：`__init__` 读取文件，`__len__` 返回行数，`__getitem__` 返回一行的特征 (D,) 和标签 (1,)，
都是 float32 张量。

Hint: `np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)` reads it; `torch.from_numpy` makes it a tensor.

提示：用 `np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)` 读取，用 `torch.from_numpy` 转成张量。

Hint: `[:, :-1]` are all columns but the last; `[:, [-1]]` is the last one, still with two axes.

提示：`[:, :-1]` 是除最后一列以外的各列；`[:, [-1]]` 是最后一列，仍保持两个维度。

Next: what does `DataLoader(dataset, batch_size=2)` make of labels () in place of (1,)? And of a model that gives (2,
1)?

试一试：标签若是 () 而不是 (1,)，`DataLoader(dataset, batch_size=2)` 会给出什么形状？与输出 (2, 1) 相减呢？
"""

import numpy as np
import torch
from torch.utils.data import Dataset


class CsvDataset(Dataset):
    # --- your lines begin 从这里开始写
    def __init__(self, path):
        rows = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)
        self.x_data = torch.from_numpy(rows[:, :-1])
        self.y_data = torch.from_numpy(rows[:, [-1]])

    def __len__(self):
        return len(self.y_data)

    def __getitem__(self, index):
        return self.x_data[index], self.y_data[index]

    # --- your lines end 写到这里为止
