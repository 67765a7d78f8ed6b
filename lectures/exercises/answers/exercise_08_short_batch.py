"""an epoch's loss, where the last batch is short / 最后一批不满时，一轮的平均损失

759 rows in batches of 32 make 24 batches, and the last has 23 rows. `criterion` returns the mean of a batch.

759 行每批 32 个，共 24 批，最后一批只有 23 行。`criterion` 返回一批的平均损失。

Task: return the mean loss per row of the whole `loader`, as a number: the same, however the rows are cut into batches.

任务：返回整个 `loader` 上每行的平均损失（数值）：无论怎么分批，结果都应相同。

Hint: the mean of the batches' means counts a row of the short batch for more than another.

提示：直接对各批平均值再取平均，会让短批里的样本占更大的份量。

Hint: add up `loss.item() * len(inputs)` and the rows, and divide at the end.

提示：累加 `loss.item() * len(inputs)` 和行数，最后相除。

Next: what does `DataLoader(..., drop_last=True)` do, and when is it right: in training, or in testing?

试一试：`DataLoader(..., drop_last=True)` 做什么？用在训练时合适，还是测试时合适？
"""

import torch


def epoch_loss(model, loader, criterion):
    # --- your lines begin 从这里开始写
    total, seen = 0.0, 0
    with torch.no_grad():
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            total += loss.item() * len(inputs)
            seen += len(inputs)
    return total / seen
    # --- your lines end 写到这里为止
