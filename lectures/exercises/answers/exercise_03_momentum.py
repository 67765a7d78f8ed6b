"""momentum / 动量

A ball that rolls keeps its speed: each step adds the new gradient to what is left of the old velocity.

小球滚动有惯性：每一步把新的梯度加到剩下的速度上。

Task: start at velocity 0. In each step: velocity = momentum * velocity + gradient(w), then w = w - lr * velocity.
Return the list of w after each step.

任务：速度从 0 开始。每一步：velocity = momentum * velocity + gradient(w)，再 w = w - lr * velocity。返回每步之后的 w
组成的列表。

Hint: the velocity has to live outside the loop, else it is 0 in each step.

提示：速度要定义在循环外面，否则每一步都从 0 开始。

Hint: `gradient` is a function: ask it at the w of this step, before w moves.

提示：`gradient` 是函数：先在这一步的 w 处求值，再移动 w。

Next: take gradient = lambda w: 2 * w and momentum 0.9. Why does w swing to the other side of the minimum?

试一试：取 gradient = lambda w: 2 * w、momentum 0.9。w 为什么会冲过最低点？
"""


def descend(gradient, w, lr, momentum, steps):
    # --- your lines begin 从这里开始写
    velocity, path = 0.0, []
    for _ in range(steps):
        velocity = momentum * velocity + gradient(w)
        w = w - lr * velocity
        path.append(w)
    return path
    # --- your lines end 写到这里为止
