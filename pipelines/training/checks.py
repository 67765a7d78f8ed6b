"""Mistakes that the training loop can see, said in words that name the lecture.

Shapes: N rows, B batch, C classes, P outputs of a row: logits of C classes, or one value.

It looks at the targets before the first batch, at the first outputs, at the gradients after the first epoch, at the
model's mode when it is scored, and at the losses after the last epoch. What is certainly wrong is an error; what may be
meant is a warning.
"""

import contextlib
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import RandomSampler, SequentialSampler

from pipelines.errors import TrainingError, TrainingWarning
from pipelines.models.contract import (
    changing,
    copied,
    refuse_bounded,
    refuse_nothing_to_learn,
    refuse_probabilities,
    refuse_shared,
)
from pipelines.models.manners import other_number_of_rows, outputs_of_form
from pipelines.training.batches import ShuffledBatches
from pipelines.training.noise import own_generator_kept
from pipelines.training.targets import Distance

EPOCHS = 10  # of training before a loss that has not moved is remarkable
STILL = 0.005  # share by which a loss has to be less than what it is compared with
ROWS_LOOKED_AT = 32  # of a network's inputs before it is trained
NOISY = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001 torch has no public names


@contextlib.contextmanager
def watching(model: nn.Module, batches: object, criterion: object, optimizer: Optimizer) -> Iterator[None]:
    """Look at targets, weights and first outputs; say in plain words what torch says of labels and devices.

    Raises: TrainingError for targets that are no number, or no class of the model; for outputs that are
    probabilities where the criterion takes logits; for an optimizer that holds none of the weights; for rows
    on another device than the model.
    """
    targets = _targets(batches)
    if targets is not None:
        _refuse_targets(targets, criterion)
    _refuse_foreign_optimizer(model, criterion, optimizer)

    def look(_model: nn.Module, _inputs: object, outputs: object) -> None:
        handle.remove()
        if _takes_logits(criterion) and isinstance(outputs, Tensor):
            refuse_probabilities(outputs.float())
            if targets is not None:
                _refuse_labels(targets, outputs.shape[-1], _ignored(criterion))

    handle = model.register_forward_hook(look)
    try:
        with in_plain_words():
            yield
    finally:
        handle.remove()


def look_at(make: Callable[[int], nn.Module], inputs: Tensor, n_outputs: int, batch_size: int) -> nn.Module:
    """Look at what one network says of a few rows (B, ...), and at what it shares with another, before any is trained.

    The networks are not trained; torch's own generator is left as it was. Returns a copy of one.

    Raises: ModelError or TrainingError with what was expected and what came.
    """
    networks = [make(0).to(inputs.device), make(1).to(inputs.device)]
    before = copied(networks[0])
    refuse_nothing_to_learn(before)
    few = inputs[: ROWS_LOOKED_AT - (n_outputs == ROWS_LOOKED_AT)]  # as many rows as classes would hide an exchange
    refuse = refuse_probabilities if n_outputs > 1 else refuse_bounded
    with own_generator_kept(networks[0]):
        for training, rows in ((False, few), (True, few[:batch_size])):
            refuse(outputs_of_form(networks[0].train(training), rows, n_outputs).float())
            fewer = rows[: max(2, len(rows) - 1) if training else 1]  # batch norm learns from two rows at least
            with other_number_of_rows(len(rows), len(fewer)):
                outputs_of_form(networks[0], fewer, n_outputs)
    refuse_shared(networks, changing(before, networks[0]))
    return before


@contextlib.contextmanager
def scoring(model: nn.Module) -> Iterator[None]:
    """Warn when a model is asked for a score with dropout or batch statistics still switched on."""

    def look(_model: nn.Module, _inputs: object) -> None:
        if model.training and any(isinstance(module, NOISY) for module in model.modules()):
            handle.remove()
            _warn(
                "the monitor scores a model in training mode: dropout or batch norm disturb the score",
                "call model.eval() before predicting, as training.predict_logits does (lecture 9)",
                "预测之前请调用 model.eval()，见 training.predict_logits（第 9 讲）",
            )

    handle = model.register_forward_pre_hook(look)
    try:
        yield
    finally:
        handle.remove()


def refuse_divergence(losses: Sequence[float], epoch: int, training: Sequence[bool] | None) -> None:
    """Refuse a loss that is no number, of the networks that are still `training` (None: all of them).

    Raises: TrainingError.
    """
    wrong = [i for i, loss in enumerate(losses) if not math.isfinite(loss) and (not training or training[i])]
    if wrong:
        which = f" of network {wrong[0] + 1} of {len(losses)}" if len(losses) > 1 else ""
        raise TrainingError(
            f"the loss{which} is {losses[wrong[0]]} in epoch {epoch}",
            "lower the learning rate, and look for huge values among the inputs",
            "请降低学习率，并检查输入中是否有过大的数值",
        )


def warn_if_still(losses: Sequence[Sequence[float]], batches: object, criterion: object) -> None:
    """Warn about a loss that never was better than guessing; `losses` holds a list per member, a number per epoch.

    Guessing is to say the classes' frequencies, or the same number, for every row. Where the best guess is not known,
    or members train together, the loss has to fall.
    """
    targets = _targets(batches)
    alone = len(losses) == 1  # members may have other rows, and so other frequencies
    guess = loss_of_guessing(targets, criterion) if alone and targets is not None else None
    limits = [own[0] if guess is None else guess for own in losses]
    long_enough = [(own, limit) for own, limit in zip(losses, limits, strict=True) if len(own) >= EPOCHS]
    still = [(own, limit) for own, limit in long_enough if limit > 0 and min(own) > (1 - STILL) * limit]
    if still:
        own, limit = still[0]
        same = "the same number" if isinstance(criterion, Distance) else "how frequent the classes are"
        than = "in the first" if guess is None else f"by saying for every row {same}"
        networks = f" ({len(still)} of {len(losses)} networks)" if len(losses) > 1 else ""
        _warn(
            f"the loss has hardly moved in {len(own)} epochs: {min(own):.4f} at best, {limit:.4f} {than}{networks}",
            "try another learning rate, ReLU in place of sigmoid, wider layers where ReLUs die, standardised inputs "
            "(lecture 7); "
            "if the inputs know nothing of the target, this is right",
            "请换学习率、用 ReLU 代替 sigmoid、ReLU 失活时加宽各层、将输入标准化（第 7 讲）；"
            "若输入与目标无关，这就是正常结果",
        )


@contextlib.contextmanager
def in_plain_words() -> Iterator[None]:
    """Turn what torch says about labels and devices into what to do about it."""
    try:
        yield
    except (IndexError, RuntimeError) as error:
        text = str(error)
        if "out of bounds" in text and "Target" in text:
            raise _no_class(text) from error
        if "same device" in text or "not on the expected device" in text or _types_of_two_devices(text):
            raise TrainingError(
                f"model and rows lie on different devices: {text.splitlines()[0]}",
                "move the model, the inputs and the labels: .to(device) on all three (lecture 10)",
                "请将模型、输入和标签都移到同一设备: .to(device)（第 10 讲）",
            ) from error
        raise


def _types_of_two_devices(text: str) -> bool:
    """Convolutions name no device but types: `torch.cuda.FloatTensor` beside `torch.FloatTensor`."""
    types = re.search(r"Input type \((\S+)\) and \w+ type \((\S+)\) should be the same", text)
    return types is not None and len({_device_of(kind) for kind in types.groups()}) == 2


def _device_of(kind: str) -> str:
    return next((device for device in ("cuda", "mps", "xpu") if device in kind.lower()), "cpu")


def _takes_logits(criterion: object) -> bool:
    return isinstance(criterion, nn.CrossEntropyLoss) or getattr(criterion, "takes_logits", False)


def _ignored(criterion: object) -> int:
    """The label that is none; torch's is -100 where nobody chooses."""
    return int(getattr(criterion, "ignore_index", -100))


def _targets(batches: object) -> Tensor | None:
    """All targets (N, ...) where the batches are drawn from tensors, and every row is; or those of the only batch."""
    if isinstance(batches, list) and len(batches) == 1:
        only: Tensor = batches[0][-1]
        return only
    if not isinstance(getattr(batches, "sampler", None), (ShuffledBatches, RandomSampler, SequentialSampler)):
        return None
    tensors = getattr(getattr(batches, "dataset", None), "tensors", ())
    return tensors[-1] if tensors and isinstance(tensors[-1], Tensor) else None


def _refuse_targets(targets: Tensor, criterion: object) -> None:
    if targets.is_floating_point() and not bool(targets.isfinite().all()):
        raise TrainingError(
            f"{int((~targets.isfinite()).sum())} of {targets.numel()} targets are missing (NaN) or infinite",
            "train on the rows of train.csv only: test rows have no target (lecture 8)",
            "只能用 train.csv 的行训练：测试集的行没有目标值（第 8 讲）",
        )
    if isinstance(criterion, nn.BCEWithLogitsLoss) and not bool(((targets >= 0) & (targets <= 1)).all()):
        raise TrainingError(
            f"targets run from {targets.min():g} to {targets.max():g}, BCEWithLogitsLoss wants 0 to 1",
            "code the two classes as 0 and 1; for more classes take CrossEntropyLoss (lectures 6 and 9)",
            "请将两个类别编码为 0 和 1；类别更多时用 CrossEntropyLoss（第 6、9 讲）",
        )


def _refuse_labels(targets: Tensor, n_classes: int, ignored: int) -> None:
    """Labels (N,) have to be 0 to C - 1; on a GPU torch would only say that an assertion failed."""
    if targets.ndim != 1 or targets.is_floating_point():
        return
    odd = targets[((targets < 0) | (targets >= n_classes)) & (targets != ignored)]
    if len(odd):
        raise _no_class(f"label {int(odd[0])}, where the model gives {n_classes} outputs")


def _no_class(what: str) -> TrainingError:
    return TrainingError(
        f"a label is not a class of the model: {what}",
        "labels begin at 0 and end at C - 1; 1 to 9 have to become 0 to 8 (lecture 9)",
        "标签必须从 0 到 C-1；1 到 9 应先变为 0 到 8（第 9 讲）",
    )


def _refuse_foreign_optimizer(model: nn.Module, criterion: object, optimizer: Optimizer) -> None:
    modules = (model, criterion) if isinstance(criterion, nn.Module) else (model,)
    ours = {id(weight) for module in modules for weight in module.parameters() if weight.requires_grad}
    if ours and not any(id(weight) in ours for weight in _held(optimizer)):
        raise TrainingError(
            "the optimizer holds none of the model's weights: no step would change the model",
            "make the optimizer after the model, from this model's parameters() (lecture 5)",
            "请在建好模型之后，用该模型的 parameters() 创建优化器（第 5 讲）",
        )


def warn_of_old_gradients(optimizer: Optimizer) -> None:
    """Warn of an optimizer whose zero_grad() leaves gradients standing."""
    optimizer.zero_grad(set_to_none=True)  # as the loop does before each backward
    if any(weight.grad is not None and bool(weight.grad.any()) for weight in _held(optimizer)):
        _warn(
            "the optimizer's zero_grad() leaves gradients standing: each step adds those of all steps before it",
            "zero the gradients before each step, unless you mean to add them up (lecture 4)",
            "请在每一步之前将梯度清零，除非你有意累加梯度（第 4 讲）",
        )


def _held(optimizer: Optimizer) -> Iterator[Tensor]:
    return (weight for group in optimizer.param_groups for weight in group["params"])


def loss_of_guessing(targets: Tensor, criterion: object) -> float | None:
    """Mean loss of the best constant answer; None if it is not that simple.

    For classes it is the entropy of their frequencies.
    """
    if getattr(criterion, "weight", None) is not None or getattr(criterion, "label_smoothing", None):
        return None
    targets = targets.cpu()  # Apple's devices know no float64
    if isinstance(criterion, Distance):
        return criterion.of_guessing(targets)
    if isinstance(criterion, nn.BCEWithLogitsLoss) and criterion.pos_weight is None:
        positive = targets.double().mean(dim=0)
        return float(torch.special.entr(torch.stack([positive, 1 - positive])).sum(dim=0).mean())
    if _takes_logits(criterion) and targets.ndim == 1 and not targets.is_floating_point():
        counted = targets[targets != _ignored(criterion)]
        if not len(counted):
            return None
        shares = torch.bincount(counted).double() / len(counted)
        return float(torch.special.entr(shares).sum())
    return None


def _warn(message: str, hint: str, hint_zh: str) -> None:
    warnings.warn(TrainingWarning(message, hint, hint_zh), stacklevel=4)
