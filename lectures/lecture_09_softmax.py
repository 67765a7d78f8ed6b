"""Lecture 9: softmax and cross entropy, step by step. 第 9 讲：Softmax 与交叉熵，一步一步算。"""

import numpy as np
import torch

# 1. Three classes; the last linear layer gives z, the sample is of class 0. 三个类别；线性层输出 z，样本属于第 0 类。
z = np.array([0.2, 0.1, -0.1])
y = np.array([1, 0, 0])  # one-hot. 独热编码

# 2. Softmax: make positive, then normalise. Softmax：先正数化，再归一化。
positive = np.exp(z)
y_pred = positive / positive.sum()
print("exp(z) =", positive.round(4))
print("softmax(z) =", y_pred.round(4), "sum =", y_pred.sum().round(4))

# 3. It brings out the largest, the more the farther apart. 突显主要特征：z 的差距越大，最大者越突出。
larger = np.exp(10 * z) / np.exp(10 * z).sum()
print("softmax(10 z) =", larger.round(4))

# 4. Cross entropy: minus the log of what the true class was given. 交叉熵：真实类别的概率取对数，再取负。
loss = (-y * np.log(y_pred)).sum()
print("loss by NumPy =", loss.round(4))

# 5. PyTorch takes z itself (logits) and the number of the class. PyTorch 直接输入 z（logits）和类别编号。
logits = torch.tensor([[0.2, 0.1, -0.1]])
target = torch.tensor([0])  # whole numbers, no one-hot. 整数类别，不用独热
criterion = torch.nn.CrossEntropyLoss()
in_one = criterion(logits, target)
print("CrossEntropyLoss =", in_one.item())

# NOTE[DIFF]: NLLLoss takes log-probabilities, not "the predicted probability". NLLLoss 的输入是对数概率，不是概率。
log_proba = torch.nn.LogSoftmax(dim=1)(logits)
print("LogSoftmax and NLLLoss =", torch.nn.NLLLoss()(log_proba, target).item())

# 6. A batch of three, predicted well and badly. 一批三个样本：一次预测得好，一次预测得差。
Y = torch.tensor([2, 0, 1])
Y_pred1 = torch.tensor([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
Y_pred2 = torch.tensor([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]])
l1 = criterion(Y_pred1, Y)
l2 = criterion(Y_pred2, Y)
print("Batch Loss1 =", l1.item())
print("Batch Loss2 =", l2.item())
