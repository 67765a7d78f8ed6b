"""the hours at which a probability is reached / 达到某个概率所需的小时数

A trained model says sigmoid(w x + b): the probability to pass after x hours of learning.

训练好的模型给出 sigmoid(w x + b)：学习 x 小时后通过考试的概率。

Task: return the hours x at which the model says `p`. `model` is an nn.Linear(1, 1) that gives the logit. Solve for x;
try no values.

任务：返回模型给出的概率等于 `p` 时的小时数 x。`model` 是 nn.Linear(1, 1)，输出 logit。请解出 x，不要逐个试值。

Hint: at p = 0.5 the logit is 0. So w x + b = 0.

提示：p = 0.5 时 logit 为 0，即 w x + b = 0。

Hint: for any p the logit is log(p / (1 - p)), the sigmoid turned round.

提示：对任意 p，logit 是 log(p / (1 - p))，即 sigmoid 的反函数。

Next: between which hours does the model of lecture 6 say 0.1 to 0.9? What does a larger w do to that width?

试一试：第 6 讲的模型在多少小时之间从 0.1 升到 0.9？w 变大时，这段宽度怎么变？
"""

import math


def boundary(model, p):
    # --- your lines begin 从这里开始写
    w, b = model.weight.item(), model.bias.item()
    return (math.log(p / (1 - p)) - b) / w
    # --- your lines end 写到这里为止
