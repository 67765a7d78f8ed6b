"""LBFGS asks for the loss itself / LBFGS 要自己来算损失

Within one step LBFGS looks at the loss at several weights. So `optimizer.step` is handed the way to the loss: a
function, called closure.

LBFGS 在一步之内要在好几处权重上看损失，所以交给 `optimizer.step` 的是计算损失的办法：一个函数，叫 closure。

Task: train `model` for `epochs` steps of `optimizer`. Return the list of losses, as numbers, that `step` gives back.

任务：用 `optimizer` 训练 `model`，走 `epochs` 步。返回 `step` 给出的损失组成的列表，都是数值。

Hint: the closure does what stands before `step` in other lectures: zero the gradients, forward, backward. And it
returns the loss.

提示：closure 里做其他讲中 `step` 之前的事：梯度清零、前馈、反馈。最后返回损失。

Hint: `optimizer.step(closure)`: hand the function over, do not call it: no brackets behind `closure`.

提示：`optimizer.step(closure)`：传的是函数本身，`closure` 后面不加括号。

Hint: `step` returns what the closure gave first, a tensor: `.item()` makes it a number.

提示：`step` 返回 closure 第一次给出的损失，是张量；`.item()` 取出数值。

Next: count in the closure how often one step calls it. Then hand the same closure to SGD: how often now?

试一试：在 closure 里数一数，一步调用了它几次。再把它交给 SGD：又是几次？
"""


def train(model, criterion, optimizer, x_data, y_data, epochs):
    # --- your lines begin 从这里开始写
    def closure():
        optimizer.zero_grad()
        loss = criterion(model(x_data), y_data)
        loss.backward()
        return loss

    return [optimizer.step(closure).item() for _ in range(epochs)]
    # --- your lines end 写到这里为止
