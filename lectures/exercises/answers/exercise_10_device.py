"""one batch on a device / 把一批数据放到设备上计算

Model, inputs and labels have to be on the same device. Moving a model changes it; moving a tensor gives a new one.

模型、输入和标签必须在同一设备上。移动模型会改变模型本身；移动张量则得到新的张量。

Task: return the loss of a batch (inputs, labels), computed on `device`. The check takes cpu, and meta, a device without
numbers that every computer has.

任务：返回一批数据 (inputs, labels) 的损失，在 `device` 上计算。检查时用 cpu 和 meta；meta 是每台电脑都有的、不存数值
的设备。

Hint: `model.to(device)` is enough for the model, since its parameters are exchanged.

提示：对模型写 `model.to(device)` 就够了，它的参数会被换掉。

Hint: for a tensor keep what comes back: `inputs = inputs.to(device)`.

提示：对张量要接住返回值：`inputs = inputs.to(device)`。

Next: where does the time go when a small batch is moved in each step? Compare moving all rows once, before the loop.

试一试：每一步都搬一小批数据，时间花在哪里？与循环之前一次搬完全部数据比较。
"""


def batch_loss(model, criterion, batch, device):
    # --- your lines begin 从这里开始写
    inputs, labels = batch
    inputs, labels = inputs.to(device), labels.to(device)
    model.to(device)
    return criterion(model(inputs), labels)
    # --- your lines end 写到这里为止
