"""What training asks of a network: made new each time, one tensor of logits out, something to learn.

Shapes: B rows, C classes, P outputs of a row: logits of C classes, or one value; K answers to a row.
"""

import contextlib
import copy
import re
import threading
import weakref
from collections.abc import Container, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pipelines.errors import ModelError, TrainingError, memory_is_full

TRAINED: "weakref.WeakSet[nn.Module]" = weakref.WeakSet()  # layers of networks that were handed over for training
ONE_AT_A_TIME = threading.Lock()
VIEWS = ("View", "Unsqueeze", "Squeeze", "Reshape", "Alias", "Unsafe")  # of what comes before, its numbers unchanged
BOUNDED = {
    "Sigmoid": "sigmoid (0 to 1)", "Softmax": "softmax (of one output: always 1)", "Relu": "ReLU (never negative)",
    "LogSoftmax": "log-softmax (of one output: always 0)", "LogSigmoid": "log-sigmoid (never positive)",
    "Tanh": "tanh (-1 to 1)", "Softplus": "softplus (never negative)",
}  # fmt: skip
LEAK = (
    "each fold would go on with what other folds have learned, and the score would count rows that its network has seen"
)
OF_SHAPES = re.compile(  # how torch tells of inputs and layers that do not fit each other
    r"cannot be multiplied|size mismatch|sizes? of tensors?|expanded size|expected size|expected input|of size|"
    r"running_mean should contain|normalized_shape|input_size|embedding dimension|does not broadcast|"
    r"actual input size|\b[1-5]-?D\b|for dimension|dimension out of range|size of dim|number of dimensions|equal size|"
    r"shape of the|inconsistent tensor size|split_sizes|channel size|number of channels",
    re.IGNORECASE,
)


@contextlib.contextmanager
def layers_named(model: nn.Module) -> Iterator[None]:
    """Whatever a layer of the model raises gets a note that names the layer and the shapes of its inputs."""
    inside: list[str] = []

    def enter(name: str, module: nn.Module, inputs: tuple[object, ...]) -> None:
        shapes = ", ".join(str(tuple(each.shape)) for each in inputs if isinstance(each, Tensor))
        inside.append(f"in layer {name!r}, {module}, whose inputs have the shape {shapes}")

    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    handles = [module.register_forward_pre_hook(partial(enter, name)) for name, module in leaves]
    handles += [module.register_forward_hook(lambda *_: inside.clear()) for _, module in leaves]
    try:
        yield
    except Exception as error:
        for words in inside[-1:]:
            error.add_note(words)
        raise
    finally:
        for handle in handles:
            handle.remove()


def outputs_of(model: nn.Module, inputs: Tensor) -> object:
    """What the model says of a few rows.

    Raises: ModelError in the place of what its layers raise, with the layer.
    """
    try:
        with layers_named(model):
            return model(inputs.clone())  # a first layer may work in place
    except Exception as error:
        if memory_is_full(error) or isinstance(error, TrainingError):
            raise
        raise _cannot_take(inputs, error) from error


def _cannot_take(inputs: Tensor, error: Exception) -> ModelError:
    said, notes = (str(error).splitlines() or [type(error).__name__])[0], getattr(error, "__notes__", [])
    if "more than 1 value per channel" in said:
        return ModelError(
            f"batch norm cannot learn from a batch of {len(inputs)} row: it has no variance",
            "choose a batch_size of 2 or more (and 3 rows or more), or layer norm in place of batch norm",
            "请将 batch_size 设为 2 或更大（且至少 3 行），或用 LayerNorm 代替 BatchNorm",
        )
    where = f", {notes[-1]}" if notes else ""
    what = f"a batch of the shape {tuple(inputs.shape)} ({inputs.dtype})".replace("torch.", "")
    if isinstance(error, RuntimeError | ValueError | IndexError | AssertionError) and OF_SHAPES.search(str(error)):
        hint = (
            "its first layer must be as wide as make_model's first argument, n_features, says "
            f"({inputs.shape[1]} here), and each layer as wide as the one before gives"
        )
        hint_zh = (
            f"第一层的宽度应等于 make_model 的第一个参数 n_features（此处为 {inputs.shape[1]}），"
            "其后每一层应与前一层的输出一致"
        )
    elif inputs.dtype == torch.uint8 and "Byte" in str(error):
        hint = (
            "its encoder gives bytes (uint8): let forward begin with inputs.float(), divided by 255 for pixels, or "
            "inputs.long() where an embedding looks them up"
        )
        hint_zh = (
            "编码器给出的是字节（uint8）：forward 应先用 inputs.float() 转换（像素再除以 255），"
            "用于 Embedding 时用 inputs.long()"
        )
    else:
        said = f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")
        alone = f"make_model({inputs.shape[1]}, n_outputs)(torch.randn{tuple(inputs.shape)})"
        hint = f"correct its forward, which gets one tensor of the inputs; try the network alone: {alone}"
        hint_zh = f"请更正 forward，其参数是一个输入张量；可单独试运行网络：{alone}"
    told = ModelError(f"the network cannot take {what}: {said}{where}", hint, hint_zh)
    for note in notes:
        told.add_note(note)
    return told


def refuse_form(outputs: object, n_rows: int, n_outputs: int, *, training: bool) -> None:
    """Outputs have to be one tensor of logits (B, C), or of values (B, 1), finite; in training (B, K, P) too.

    Raises: ModelError with what was expected and what came.
    """
    of_number = n_outputs == 1
    what, each = ("values", "one number") if of_number else ("logits", f"a row of {n_outputs}")
    wanted = f"one tensor of {what} of the shape ({n_rows}, {n_outputs}): {each} for each of {n_rows} rows"
    came = None
    if not isinstance(outputs, Tensor):
        size = f" of {len(outputs)}" if isinstance(outputs, tuple | list | dict) else ""
        came = f"{type(outputs).__name__}{size}" if outputs is not None else "None: does forward end with return?"
    elif not outputs.is_floating_point():
        came = f"a tensor of {str(outputs.dtype).removeprefix('torch.')}"
    elif (outputs.shape[:1], outputs.shape[1 + training * (outputs.ndim == 3) :]) != ((n_rows,), (n_outputs,)):
        came = f"the shape {tuple(outputs.shape)}"
    if came is not None:
        when = "in training" if training else "in evaluation"
        raise ModelError(
            f"the network has to give {wanted}; {when} it gives {came}",
            "end it with a layer of n_outputs outputs, make_model's second argument"
            + " (1 where the target is a number), without squeeze" * of_number
            + ", and let forward return that alone",
            "请让网络的最后一层输出 n_outputs 个值（make_model 的第二个参数"
            + "；目标为数值时为 1，且不要 squeeze" * of_number
            + "），forward 只返回该张量",
        )
    if isinstance(outputs, Tensor) and not bool(outputs.isfinite().all()):
        raise ModelError(
            "the network's outputs are NaN or infinite before the first step of training",
            "look for divisions, logs and roots in its forward, and for huge values among the inputs",
            "请检查 forward 中的除法、对数和开方，以及输入中过大的数值",
        )


def refuse_probabilities(outputs: Tensor) -> None:
    """Outputs (..., B, C) that are never negative are no logits where all rows, or columns, sum to one.

    Nor are those of a last sigmoid.
    """
    last = getattr(outputs.grad_fn, "name", str)()
    for axis, each in ((-1, "row"), (-2, "column"))[: outputs.ndim]:
        off = (outputs.sum(dim=axis) - 1).abs()
        if outputs.shape[axis] == 1 or not bool((outputs >= 0).all() and (off <= 1e-4).all()):
            continue
        raise TrainingError(
            f"the model's outputs are probabilities (each {each} sums to 1), and the loss applies softmax once more",
            "leave the Softmax layer out of the model: CrossEntropyLoss takes logits (lecture 9)",
            "请去掉模型末尾的 Softmax 层: CrossEntropyLoss 的输入是 logits（第 9 讲）",
        )
    if last.startswith("SigmoidBackward"):
        raise TrainingError(
            "the model's outputs are those of a sigmoid (0 to 1), and the loss applies softmax once more",
            "leave the last sigmoid out of the model: CrossEntropyLoss takes logits (lecture 9)",
            "请去掉模型末尾的 sigmoid: CrossEntropyLoss 的输入是 logits（第 9 讲）",
        )


def refuse_bounded(outputs: Tensor) -> None:
    """Outputs (..., 1) of a last layer that cannot say every number: a standardised one is negative as often as not.

    Raises: TrainingError.
    """
    step = outputs.grad_fn
    while step is not None and step.name().startswith(VIEWS):
        step = step.next_functions[0][0]
    last = getattr(step, "name", str)()
    for name, what in BOUNDED.items():
        if last.startswith(f"{name}Backward"):
            raise TrainingError(
                f"the model's outputs are those of a last {what}, and the target is a number of any sign and size: "
                "it is standardised before it is learned, and predictions are turned back",
                f"leave the last {what.split()[0]} out of the model: it ends with a linear layer of one output "
                "(lecture 5)",
                f"请去掉模型末尾的 {what.split()[0]}：最后一层应是只有一个输出的线性层（第 5 讲）",
            )


def refuse_nothing_to_learn(model: nn.Module) -> None:
    """A network needs a weight that an optimizer can move.

    Raises: ModelError.
    """
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ModelError(
            f"the network has nothing to learn: no weight of {type(model).__name__} asks for a gradient",
            "assign its layers to self in __init__ (a list of layers: nn.ModuleList), and leave some unfrozen",
            "请在 __init__ 中将各层赋给 self（层的列表用 nn.ModuleList），并至少保留一层可训练",
        )


def copied(network: nn.Module) -> nn.Module:
    """A copy of the network with tensors of its own.

    Raises: ModelError for a network that holds what torch cannot copy.
    """
    try:
        return copy.deepcopy(network)
    except Exception as error:
        if memory_is_full(error):
            raise
        raise ModelError(
            f"the network cannot be copied: {type(error).__name__}: {error}".splitlines()[0],
            "compute in forward what depends on weights; hold a sparse tensor as a buffer in the COO layout: "
            "self.register_buffer(name, tensor.to_sparse())",
            "依赖权重的张量请在 forward 中计算；稀疏张量请用 COO 格式的 buffer："
            "self.register_buffer(name, tensor.to_sparse())",
        ) from error


def changing(before: nn.Module, after: nn.Module) -> set[str]:
    """Names of what training changes: weights that learn, and whatever a look in training mode has changed.

    One of the two is a copy of the other; `after` has seen rows since.
    """
    then = dict(_tensors(before))
    return {
        name
        for name, tensor in _tensors(after)
        if tensor.requires_grad or name not in then or not _equal(tensor, then[name])
    }


def _equal(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.layout is not other.layout:
        return False
    if one.layout is torch.sparse_coo:  # dense it may be larger than any memory
        one, other = one.coalesce(), other.coalesce()
        return _equal(one.indices(), other.indices()) and _equal(one.values(), other.values())
    return bool(((one == other) | (one != one) & (other != other)).all())


def write(tensor: Tensor, numbers: Tensor) -> None:
    """Copy numbers where they are others: networks that train meanwhile may hold the same frozen weights."""
    if not _equal(tensor, numbers):
        tensor.copy_(numbers)


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Weights and buffers under all their names."""
    yield from network.named_parameters(remove_duplicate=False)
    yield from network.named_buffers(remove_duplicate=False)


def refuse_shared(networks: Sequence[nn.Module], changed: Container[str]) -> None:
    """Networks that `make_model` gives must share nothing of what is `changed`, or folds would train what others score.

    Raises: ModelError.
    """
    seen: dict[object, int] = {}
    for i, network in enumerate(networks):
        tensors = ((_place(tensor), name) for name, tensor in _tensors(network) if name in changed)
        for key, what in [(network, ""), *tensors]:
            if seen.setdefault(key, i) != i:
                raise _shared(f"have {what!r} in common" if what else "are one and the same")
        for path, module in network.named_modules():
            has_dropout = any(type(child) is nn.Dropout for child in module.children())
            if has_dropout and seen.setdefault(module, i) != i:
                raise _shared(f"have {path!r} in common", "its dropout draws for each network apart")


def refuse_trained(networks: Sequence[nn.Module], changed: Container[str]) -> None:
    """Networks are trained once, from weights of their own; layers of which nothing is `changed` may come back.

    Raises: ModelError for networks that share something, or of which a layer was handed over before.
    """
    refuse_shared(networks, changed)
    layers = [
        (module, any(".".join(filter(None, (path, name))) in changed for name, _ in _tensors(module)))
        for network in networks
        for path, module in network.named_modules(remove_duplicate=False)
    ]
    with ONE_AT_A_TIME:
        if any(layer in TRAINED for layer, _ in layers):
            raise _shared("come back after they were trained")
        TRAINED.update(layer for layer, learns in layers if learns)


def _place(tensor: Tensor) -> object:
    """Where a tensor's numbers lie; views of one another lie in the same place."""
    stored = not is_lazy(tensor) and tensor.layout is torch.strided and tensor.numel()
    place = tensor.untyped_storage().data_ptr() if stored else 0  # what is sparse has no storage of its own
    return (tensor.device, place) if place else id(tensor)


def _shared(how: str, why: str = LEAK) -> ModelError:
    return ModelError(
        f"networks that make_model gives {how}: {why}",
        "build the network, all its layers and tensors, inside make_model: "
        "lambda n_features, n_outputs: Net(n_features, n_outputs), not one that was built before "
        "(copy.deepcopy makes a new one of a layer)",
        "请在 make_model 内部新建网络及其所有层和张量："
        "lambda n_features, n_outputs: Net(n_features, n_outputs)，不要返回事先建好的网络（copy.deepcopy 可复制一层）",
    )
