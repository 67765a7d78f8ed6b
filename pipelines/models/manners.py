"""What a network must not do: fail when it is made, count on a number of rows, keep the gradient from its weights."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from pipelines.errors import HomeworkError, ModelError, memory_is_full, place_of
from pipelines.models.contract import outputs_of, refuse_form


@contextlib.contextmanager
def failures_told() -> Iterator[None]:
    """What make_model raises, in plain words.

    Raises: ModelError.
    """
    try:
        yield
    except Exception as error:  # whatever the code of somebody's own may raise
        if memory_is_full(error) or isinstance(error, HomeworkError):
            raise
        raise _no_network(
            f"make_model fails: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}{place_of(error)[0]}"
        ) from error


def tensors_there(model: nn.Module) -> list[Tensor]:
    """All weights and buffers of a network that was just made.

    Raises: ModelError where they hold no numbers, or where there cannot be any.
    """
    with failures_told():
        tensors = [*model.parameters(), *model.buffers()]
    if any(tensor.is_meta for tensor in tensors):
        raise _no_network("make_model gives a network on the device 'meta', whose weights have no numbers")
    return tensors


def _no_network(what: str) -> ModelError:
    return ModelError(
        what,
        "make_model(n_features, n_outputs) has to return a network of a class with super().__init__() and layers; "
        "build it without a device (no .cuda(), no device=, no torch.set_default_device): it is moved to the right one",
        "make_model(n_features, n_outputs) 应返回一个调用了 super().__init__() 并含有各层的网络；"
        "新建时不要指定设备（不用 .cuda()、device= 和 torch.set_default_device），训练时会自动移到所选设备",
    )


def outputs_of_form(model: nn.Module, rows: Tensor, n_outputs: int) -> Tensor:
    """What the model says of a few rows, with gradients where it is in training.

    Raises: ModelError for outputs of another form, and for a network in training whose outputs ask for no gradient.
    """
    with torch.enable_grad():  # and as it was again, whatever a forward switches
        outputs = outputs_of(model, rows)
    refuse_form(outputs, len(rows), n_outputs, training=model.training)
    assert isinstance(outputs, Tensor)
    if model.training and outputs.grad_fn is None:
        raise ModelError(
            "no gradient reaches the network's weights: in training its outputs do not ask for one",
            "take .detach(), .data, torch.no_grad() and torch.set_grad_enabled(False) out of its forward",
            "请从 forward 中去掉 .detach()、.data、torch.no_grad() 和 torch.set_grad_enabled(False)",
        )
    return outputs


@contextlib.contextmanager
def other_number_of_rows(taken: int, n_rows: int) -> Iterator[None]:
    """A network that takes so many rows has to take `n_rows`: a last batch is short, and one row can be predicted.

    Raises: ModelError in the place of what the look at other rows says.
    """
    try:
        yield
    except ModelError as error:
        if "more than 1 value per channel" in str(error.__cause__):
            return  # batch norm that keeps no statistics: it may be asked of many rows, and never of one
        raise ModelError(
            f"the network depends on the number of rows: it takes {taken}, and with {n_rows} {error.message}",
            "write the number of rows as -1 or x.shape[0], never as a number; squeeze() takes the axis of a single "
            "row away too: name the axis, squeeze(-1); and let each row's answer depend on that row alone",
            "请用 -1 或 x.shape[0] 表示行数，不要写成固定的数；squeeze() 在只有一行时会去掉行的维度，"
            "请指明维度，如 squeeze(-1)；每一行的输出只应取决于该行",
        ) from error
