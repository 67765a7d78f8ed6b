"""Lecture 4, tensors: leaves, the graph, .item(), .detach(), .data. 第 4 讲补充：叶子张量、计算图与三种取值方法。"""

import torch

# 1. A leaf is made, not computed; with requires_grad it keeps a gradient. 叶子：直接创建的张量；要求梯度时保存梯度。
x = torch.tensor([2.0])
y = torch.tensor([4.0])
w = torch.tensor([1.0], requires_grad=True)
print("w: leaf", w.is_leaf, " requires_grad", w.requires_grad, " grad", w.grad)
print("x: leaf", x.is_leaf, " requires_grad", x.requires_grad)

# 2. What is computed from w is no leaf; it remembers how it was made. 由 w 算出的不是叶子，它记得自己是怎样算出来的。
y_pred = x * w
loss = (y_pred - y) ** 2
print("loss: leaf", loss.is_leaf, " made by", loss.grad_fn.name())

# 3. backward fills the grad of leaves and frees the graph. backward 填好叶子的 grad，随即释放计算图。
loss.backward()
grad = w.grad.item()
print("dL/dw =", grad, "; x.grad =", x.grad)
try:
    loss.backward()
    freed = "no error"
except RuntimeError as error:
    freed = str(error).split(". ")[0]
print("a second backward:", freed)

# 4. item(): a number; detach(): a tensor without a graph, same memory. item() 是数；detach() 不带图，但共享内存。
number = loss.item()
print("loss.item() =", number, type(number).__name__)
detached = w.detach()
print("w.detach(): requires_grad", detached.requires_grad, " same memory", detached.data_ptr() == w.data_ptr())

# 5. A sum of losses keeps every graph; a sum of numbers keeps none. 累加 loss 会留住每张图；累加 loss.item() 不会。
kept = sum((x * w - y) ** 2 for _ in range(3))
total = sum(((x * w - y) ** 2).item() for _ in range(3))
print("sum of losses:", kept.grad_fn.name(), "; sum of items:", total)

# 6. .data changed between forward and backward: autograd does not notice. 前馈之后改 .data：autograd 毫无察觉。
# NOTE[DIFF]: the notes change w.data; the gradient of w * w at w = 1 is 2, and this one is wrong without a word.
# 讲义用 w.data 改权重。w * w 在 w = 1 处的导数是 2，这里得到的却是错的，而且不报错。
w = torch.tensor([1.0], requires_grad=True)
square = w * w
w.data.fill_(10.0)
square.backward()
by_data = w.grad.item()
print("after w.data.fill_(10): gradient", by_data, "instead of 2")

# 7. The same change through detach(): noticed and refused. 换成 detach() 来改：autograd 会发现，并且报错。
w = torch.tensor([1.0], requires_grad=True)
square = w * w
w.detach().fill_(10.0)
try:
    square.backward()
    by_detach = "no error"
except RuntimeError as error:
    by_detach = str(error).split(": ")[0]
print("after w.detach().fill_(10):", by_detach)
