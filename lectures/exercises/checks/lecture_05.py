"""Lecture 5: linear regression with PyTorch."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lectures.exercises.judging import Slip, Yours, drawn, expect, require, shown, uses

X, Y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [4.0], [6.0]])


def step(yours: Yours) -> None:
    """The parameters after a step against torch's SGD; handed over as a list and as a generator."""
    for seed, lr in ((1, 0.1), (2, 0.5)):
        start, gradient = drawn(seed, 3), drawn(seed + 10, 3)
        idle = nn.Parameter(torch.ones(2))
        for as_generator in (False, True):
            moved = nn.Parameter(start.clone())
            moved.grad = gradient.clone()
            both = [idle, moved]
            yours.step(_one_by_one(both) if as_generator else both, lr)
            inputs = f"parameter = {shown(start)}, grad = {shown(gradient)}, lr = {lr}"
            expect(
                inputs, moved, start - lr * gradient,
                Slip(start, "It did not move: `p = p - ...` names a new tensor, `p -= ...` changes this one",
                     "参数没有变：`p = p - ...` 得到的是新张量，`p -= ...` 才是原地修改"),
                Slip(start + lr * gradient, "It goes up the gradient: subtract", "方向反了：应减去"),
            )  # fmt: skip
            expect(f"{inputs}; grad = None", idle, torch.ones(2))
            by_torch = "right, but by an optimizer of torch's", "结果正确，但用了 torch 的优化器"
            require(not uses(yours.step, names="optim"), *by_torch)
            require(
                moved.requires_grad and moved.is_leaf,
                "after the step the parameter is no leaf any more: update under torch.no_grad()",
                "更新之后参数不再是叶子张量：请在 torch.no_grad() 里更新",
            )


def _one_by_one(parameters: list[nn.Parameter]) -> Iterator[nn.Parameter]:
    yield from parameters


def closure(yours: Yours) -> None:
    """The losses, and where the model arrives, against the same by torch."""
    for seed, inputs, target in ((1, X, Y), (2, drawn(5, 6, 1), drawn(6, 6, 1))):
        losses, model = _by_lbfgs(seed, inputs, target)
        yours_model = _linear(seed)
        optimizer = torch.optim.LBFGS(yours_model.parameters(), lr=0.5, max_iter=4)
        got = yours.train(yours_model, nn.MSELoss(), optimizer, inputs, target, 3)
        said = f"x = {shown(inputs)}, y = {shown(target)}, LBFGS(lr=0.5, max_iter=4), 3 epochs"
        no_zero = "Are the gradients zeroed within the closure?", "closure 里把梯度清零了吗？"
        expect(
            said, got, losses, *(Slip(wrong, *no_zero) for wrong in (_by_lbfgs(seed, inputs, target, zero=False)[0],))
        )
        require(
            all(isinstance(loss, float) for loss in got),
            "the losses are still tensors: .item() makes them numbers",
            "损失仍是张量：请用 .item() 取出数值",
        )
        expect(f"{said}: model(4)", yours_model(torch.tensor([[4.0]])), model(torch.tensor([[4.0]])), tolerance=1e-3)


def _linear(seed: int) -> nn.Linear:
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.copy_(drawn(seed, 1, 1))
        model.bias.copy_(drawn(seed + 1, 1))
    return model


def _by_lbfgs(seed: int, inputs: Tensor, target: Tensor, *, zero: bool = True) -> tuple[list[float], nn.Linear]:
    model = _linear(seed)
    weights = list(model.parameters())
    optimizer = torch.optim.LBFGS(weights, lr=0.5, max_iter=4)

    def closure() -> float:
        loss = nn.functional.mse_loss(model(inputs), target)
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = gradient if zero or weight.grad is None else weight.grad + gradient
        return float(loss.detach())

    return [float(optimizer.step(closure)) for _ in range(3)], model
