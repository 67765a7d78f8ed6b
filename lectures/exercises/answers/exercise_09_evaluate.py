"""accuracy, without dropout and without a graph / 测试准确率：不用 dropout，也不建计算图

Dropout belongs to the training. A test with it measures another network each time.

Dropout 只属于训练。测试时若还开着，每次测的都是不同的网络。

Task: return the share of all rows of `loader` whose largest logit is that of the label. Switch the model to evaluation
first, build no graph, and leave the model in training mode.

任务：返回 `loader` 的所有样本中，最大 logit 正好对应标签的比例。先切换到评估模式，不建计算图，结束时让模型回到训练模
式。

Hint: `model.eval()` before, `model.train()` after, `with torch.no_grad():` around the loop.

提示：之前 `model.eval()`，之后 `model.train()`，循环放在 `with torch.no_grad():` 里。

Hint: `model(inputs).argmax(dim=1)` are the predicted classes: one per row.

提示：`model(inputs).argmax(dim=1)` 是每行预测的类别。

Hint: add up `(predicted == labels).sum().item()` over the batches, and `len(labels)`.

提示：逐批累加 `(predicted == labels).sum().item()` 和 `len(labels)`。

Next: leave out `eval()` and test three times. By how much do the three differ?

试一试：去掉 `eval()` 测三次，三个结果相差多少？
"""

import torch


def accuracy(model, loader):
    # --- your lines begin 从这里开始写
    correct, total = 0, 0
    model.eval()
    with torch.no_grad():
        for inputs, labels in loader:
            predicted = model(inputs).argmax(dim=1)
            correct += (predicted == labels).sum().item()
            total += len(labels)
    model.train()
    return correct / total
    # --- your lines end 写到这里为止
