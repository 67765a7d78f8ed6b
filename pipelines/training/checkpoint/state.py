"""Everything that training changes, as tensors by name and what JSON holds; and back.

Weights and buffers, the optimizer's moments, the step of the schedule, the best epoch's weights, the losses so far
(of rows held out too), and chance: orders of rows, noise, what a network draws for itself. What a forward draws from
elsewhere (numpy's or Python's global generators) is not seen, as it is not the network's own without checkpoints
either.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from pipelines.models.contract import write
from pipelines.training.checkpoint.attributes import Attributes, Plain, set_attributes
from pipelines.training.early_stopping import weights_and_buffers
from pipelines.training.noise import NoiseStreams, OwnDropout, OwnGenerator

if TYPE_CHECKING:
    from pipelines.training.checkpoint.epochs import Training

VERSION = 2  # of the form of a state
CHANGING = ("params", "lr")  # of an optimizer's options; what its schedule begins with is there as well
STEPS_LOOKED_AT = 10  # of a schedule
Chance = torch.Generator | NoiseStreams | OwnGenerator


def form_of(training: "Training", epochs: int) -> dict[str, Any]:
    """What a state has to agree in with a training that has not begun, as JSON gives it back."""
    options = [{key: value for key, value in group.items() if key not in CHANGING} for group in _groups(training)]
    n_batches, factors = len(training.batches), training.scheduler.lr_lambdas  # type: ignore[arg-type]
    steps = range(0, epochs * n_batches, max(1, epochs * n_batches // STEPS_LOOKED_AT))
    form = {
        "version of checkpoints": VERSION,
        "weights": {name: [str(t.dtype), *t.shape] for name, t in weights_and_buffers(training.model).items()},
        "generators": [type(own).__name__ for own in _chance(training).values()],
        "number of epochs": epochs,
        "number of batches": n_batches,
        "optimizer": [type(training.optimizer).__name__, *options],
        "schedule": [factor(step) for factor in factors for step in steps],
        "patience": None if training.best is None else training.best.monitor.patience,
        "rows held out": None if training.watch is None else training.watch.shape,
    }
    plain: dict[str, Any] = json.loads(json.dumps(form, default=str))
    return plain


def why_other(form: dict[str, Any], about: dict[str, Any]) -> str | None:
    """Why a state, by what it is `about`, is none of a training of this form; None if it is."""
    other = about.get("form", {})
    for name, own in form.items():
        if other.get(name) != own:
            numbers = "" if isinstance(own, dict | list) else f", {other.get(name)} and {own}"
            return f"not the same {name}{numbers}"
    return None


def state_of(
    training: "Training", form: dict[str, Any], attributes: Attributes
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, which are those that are trained, no copies; and what JSON holds."""
    changed = attributes.changed(training.model)
    tensors = {f"network/{name}": tensor for name, tensor in weights_and_buffers(training.model).items()}
    tensors |= {f"attribute/{name}": value.detach() for name, value in changed.items() if isinstance(value, Tensor)}
    for i, own in _moments(training.optimizer):
        tensors |= {f"optimizer/{i}/{name}": tensor for name, tensor in own.items()}
    for name, chance in _chance(training).items():
        tensors |= {f"chance/{name}/{what}": tensor for what, tensor in _read(chance).items()}
    best = training.best
    if best is not None:
        tensors |= {f"best/{name}": tensor for name, tensor in best.state.items()}
        tensors |= {"scores": torch.stack(best.scores), "score": best.score, "epoch": best.epoch}
    scheduler = {name: value for name, value in training.scheduler.state_dict().items() if name != "lr_lambdas"}
    plain = {name: value for name, value in changed.items() if isinstance(value, Plain)}
    held_out = None if training.watch is None else training.watch.losses
    about = {"form": form, "losses": training.losses, "held_out": held_out}
    return tensors, about | {"scheduler": scheduler, "attributes": plain}


def go_on(training: "Training", tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Make a training that has not begun what a state says; it has to be one of this form."""
    own = weights_and_buffers(training.model)
    for name, tensor in _below("network/", tensors).items():
        write(own[name], tensor.to(own[name].device))
    set_attributes(training.model, about["attributes"] | _below("attribute/", tensors))
    _restore_moments(training.optimizer, tensors)
    for name, chance in _chance(training).items():
        _write(chance, _below(f"chance/{name}/", tensors))
    training.scheduler.load_state_dict(about["scheduler"] | {"lr_lambdas": [None] * len(_groups(training))})
    for group, rate in zip(_groups(training), training.scheduler.get_last_lr(), strict=True):
        group["lr"] = rate
    training.losses[:] = about["losses"]
    if training.watch is not None:
        training.watch.losses[:] = about["held_out"]
    best = training.best
    if best is not None:
        for name, tensor in _below("best/", tensors).items():
            best.state[name].copy_(tensor)
        best.scores, best.score, best.epoch = list(tensors["scores"]), tensors["score"], tensors["epoch"]


def _below(start: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _groups(training: "Training") -> list[dict[str, Any]]:
    return training.optimizer.param_groups


def _moments(optimizer: Optimizer) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """What the optimizer holds of each weight, by its number among all."""
    yield from ((i, optimizer.state.get(weight, {})) for i, weight in enumerate(_weights(optimizer)))


def _weights(optimizer: Optimizer) -> list[Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def _restore_moments(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Moments lie in memory as their weight does, whose steps are taken number by number as they lie."""
    for i, weight in enumerate(_weights(optimizer)):
        for name, tensor in _below(f"optimizer/{i}/", tensors).items():
            alike = tensor.shape == weight.shape
            kept = torch.empty_like(weight.detach(), dtype=tensor.dtype) if alike else torch.empty_like(tensor)
            optimizer.state[weight][name] = kept.to(weight.device).copy_(tensor)


def _chance(training: "Training") -> dict[str, Chance]:
    """Whatever draws while the training goes on, by name."""
    order = getattr(getattr(training.batches, "sampler", None), "generators", ())
    orders = [order] if isinstance(order, torch.Generator) else list(order)
    modules = list(training.model.modules())
    streams = {id(module.streams): module.streams for module in modules if isinstance(module, OwnDropout)}
    drawing = [module for module in modules if isinstance(module, OwnGenerator)]
    return {str(i): own for i, own in enumerate([*orders, *streams.values(), *drawing])}


def _read(chance: Chance) -> Mapping[str, Tensor]:
    return {"state": chance.get_state()} if isinstance(chance, torch.Generator) else chance.state()


def _write(chance: Chance, state: Mapping[str, Tensor]) -> None:
    if isinstance(chance, torch.Generator):
        chance.set_state(state["state"])
    else:
        chance.go_on(state)
