"""What is searched: layers first, then width, dropout, learning rate, weight decay, epochs, and the encoder's choices.

The space lies around a competition's own network: its first width, its rates, its activation and norm. A network that
is no `MLP` lends its encoder and recipe only.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from torch import nn

from pipelines.competition import Competition, Recipe
from pipelines.encoders import DefaultEncoder
from pipelines.errors import UsageError, code_named
from pipelines.metrics import Target
from pipelines.models import MLP
from pipelines.models.mlp import ACTIVATIONS, NORMS
from pipelines.settings.tuned import Candidate, refuse_to_tune_again

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

MOST_LAYERS = 4  # the question of the notes: how many layers should a network have?
WIDTH, NARROWEST, WIDEST = 64, 8, 1024  # of the first hidden layer
TAPERS = ("even", "halving")  # further layers: as wide, or each half as wide as the one before
PIECES = (0, 8, 16, 32)
SHAPE = ("layers", "width", "taper", "epochs", "pieces", "text")  # what candidates of one program share
DIGITS = 3  # significant ones of a rate: what is printed is what was trained

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Plain:
    """What an `MLP` consists of."""

    hidden: tuple[int, ...]
    activation: str = "silu"
    norm: str | None = None
    dropout: float = 0.0
    input_dropout: float = 0.0


@dataclass(frozen=True)
class Space:
    """What may be chosen: one of the `choices`, a number in `ranges` (by their logarithms for rates), or layers.

    `start` are the default's own parameters, if it lies in the space: the first candidate of its depth.
    """

    base: str
    plain: Plain
    recipe: Recipe
    choices: Mapping[str, tuple[Any, ...]]
    ranges: Mapping[str, tuple[float, float]]
    encoder: Params = field(default_factory=dict)  # the default's own choices
    start: Params | None = None
    log: tuple[str, ...] = field(default=("lr", "weight_decay"))

    def distributions(self) -> "dict[str, BaseDistribution]":
        """As Optuna has them."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        found: dict[str, BaseDistribution] = {"layers": IntDistribution(0, MOST_LAYERS)}
        found |= {name: CategoricalDistribution(values) for name, values in self.choices.items()}
        found |= {name: FloatDistribution(*ends, log=name in self.log) for name, ends in self.ranges.items()}
        return found

    def candidate(self, params: Params) -> Candidate:
        """The network that these parameters are; numbers are rounded as they are printed."""
        width, narrowing = int(params["width"]), params["taper"] == "halving"
        hidden = tuple(max(NARROWEST, width // 2**i) if narrowing else width for i in range(int(params["layers"])))
        dropout, of_inputs = (round(float(params[name]), DIGITS - 1) for name in ("dropout", "input_dropout"))
        layers: dict[str, Any] = {"activation": self.plain.activation}
        layers |= {"norm": self.plain.norm} if self.plain.norm and hidden else {}
        layers |= {"dropout": dropout} if dropout and hidden else {}
        layers |= {"input_dropout": of_inputs} if of_inputs else {}
        rates: dict[str, Any] = {name: float(f"{params[name]:.{DIGITS}g}") for name in self.log}
        return Candidate(
            base=self.base, hidden=hidden, layers=layers, recipe=replace(self.recipe, epochs=params["epochs"], **rates),
            encoder={name: params[name] for name in ("pieces", "text") if name in params},
        )  # fmt: skip

    def shape(self, params: Params) -> tuple[Any, ...]:
        """What candidates that train as one program have in common: a dropout of 0 draws no noise."""
        made = self.candidate(params)
        return made.hidden, tuple(made.layers), tuple(made.encoder.items()), made.recipe.epochs

    def to_plain(self) -> dict[str, Any]:
        """What tells this space from another."""
        return asdict(self) | {"layers": MOST_LAYERS}

    @property
    def depths(self) -> list[int]:
        """All of them, the default's own first, then its neighbours.

        >>> Space("network", Plain((64, 32)), Recipe(), {}, {}).depths
        [2, 1, 3, 0, 4]
        """
        own = min(MOST_LAYERS, len(self.plain.hidden))
        return sorted(range(MOST_LAYERS + 1), key=lambda depth: abs(depth - own))

    @property
    def first(self) -> dict[str, Any]:
        """The default's own choices, with which each depth is tried first; the nearest where they lie outside."""
        width = self.plain.hidden[0] if self.plain.hidden else WIDTH
        even = len(set(self.plain.hidden)) < 2
        found = {name: values[0] for name, values in self.choices.items()}
        found |= {"taper": TAPERS[0 if even else 1], "epochs": self.recipe.epochs}
        found["width"] = min(self.choices["width"], key=lambda each: abs(each - width))
        return found | {name: value for name, value in self.encoder.items() if name in self.choices}

    @property
    def line(self) -> str:
        """In a line."""
        parts = [f"layers 0–{MOST_LAYERS}"]
        parts += [f"{name} {'/'.join(map(str, values))}" for name, values in self.choices.items() if values[1:]]
        parts += [f"{name} {low:.2g}–{high:.2g}" for name, (low, high) in self.ranges.items()]
        return "; ".join(parts)


def space_of(competition: Competition, base: str, rows: pd.DataFrame, y: Target) -> Space:
    """The space around the network `base`, told by a few training rows and their labels `y` as they are learned.

    Raises: UsageError for a variant that is no network, or whose encoder gives bytes of images.
    """
    variant = competition.variants[base]
    if variant.make_model is None or variant.make_encoder is None:
        raise _no_network(competition, base)
    with code_named(f"{base}: make_encoder"):
        encoder = variant.make_encoder()
        encoded = encoder.fit_transform(rows, y)
    if str(getattr(encoded, "dtype", "")) == "uint8":
        raise UsageError(
            f"the encoder of {base} gives bytes, as of images; what is searched are layers of numbers",
            "name a variant whose encoder gives numbers with --variant; one can be added: mlp(...) of "
            "pipelines.settings.variants",
            "请用 --variant 指定编码为数值的 variant；可用 pipelines.settings.variants 的 mlp(...) 添加",
        )
    with code_named(f"{base}: make_model"):
        model = variant.make_model(int(encoded.shape[1]), competition.n_outputs)
    found = plain_of(model)
    plain, recipe = found or Plain((WIDTH,)), replace(variant.recipe, patience=None)
    choices, ranges = _choices(plain, recipe, encoder), _ranges(recipe)
    own: dict[str, Any] = {name: getattr(encoder, name) for name in ("pieces", "text") if name in choices}
    space = Space(base, plain, recipe, choices, ranges, own)
    return space if found is None else replace(space, start=_start(space))


def plain_of(model: nn.Module) -> Plain | None:
    """What an `MLP` consists of; None for another network.

    >>> plain_of(MLP([25, 64, 32, 2], activation="relu", norm="batch", dropout=0.4))
    Plain(hidden=(64, 32), activation='relu', norm='batch', dropout=0.4, input_dropout=0.0)
    """
    if type(model) is not MLP:
        return None
    layers = list(model.layers)
    hidden = tuple(layer.out_features for layer in layers if isinstance(layer, nn.Linear))[:-1]
    first = layers[0].p if isinstance(layers[0], nn.Dropout) else 0.0
    others = [layer.p for layer in layers[1:] if isinstance(layer, nn.Dropout)]
    activation = next((name for name, kind in ACTIVATIONS.items() if any(type(x) is kind for x in layers)), "silu")
    norm = next((name for name, kind in NORMS.items() if any(type(x) is kind for x in layers)), None)
    return Plain(hidden, activation, norm, others[0] if others else 0.0, first)


def _choices(plain: Plain, recipe: Recipe, encoder: Any) -> dict[str, tuple[Any, ...]]:
    first = plain.hidden[0] if plain.hidden else WIDTH
    widths = sorted({min(WIDEST, max(NARROWEST, round(first * factor))) for factor in (0.25, 0.5, 1, 2, 4)})
    epochs = sorted({max(1, round(recipe.epochs * factor)) for factor in (0.5, 1, 2)})
    choices: dict[str, tuple[Any, ...]] = {"width": tuple(widths), "taper": TAPERS, "epochs": tuple(epochs)}
    if type(encoder) is DefaultEncoder:
        choices["pieces"] = tuple(sorted({*PIECES, encoder.pieces}))
        if encoder.text == "tfidf" or any("free text" in why for why in encoder.left_out_.values()):
            choices["text"] = ("leave", "tfidf")
    return choices


def _ranges(recipe: Recipe) -> dict[str, tuple[float, float]]:
    decay = max(recipe.weight_decay, 1e-3)
    return {
        "dropout": (0.0, 0.7), "input_dropout": (0.0, 0.3), "lr": (recipe.lr / 8, recipe.lr * 8),
        "weight_decay": (decay / 30, decay * 30),
    }  # fmt: skip


def _start(space: Space) -> Params | None:
    """The default's parameters; None where it lies outside."""
    plain, recipe = space.plain, space.recipe
    params = space.first | {
        "layers": len(plain.hidden), "dropout": plain.dropout, "input_dropout": plain.input_dropout,
        "lr": recipe.lr, "weight_decay": recipe.weight_decay,
    }  # fmt: skip
    inside = all(low <= params[name] <= high for name, (low, high) in space.ranges.items())
    inside = inside and params["layers"] <= MOST_LAYERS
    return params if inside and space.candidate(params).hidden == plain.hidden else None


def _no_network(competition: Competition, base: str) -> UsageError:
    networks = [name for name, variant in competition.variants.items() if variant.make_model is not None]
    return UsageError(
        f"{base} is no network of {competition.slug}, and layers are what is searched; networks: "
        f"{', '.join(networks) or 'none'}",
        "name one of its networks with --variant, or add one to its variants: mlp(...) of pipelines.settings.variants",
        "请用 --variant 指定其中的网络，或在 variants 中添加一个：pipelines.settings.variants 的 mlp(...)",
    )


def base_of(competition: Competition, preset: str, named: str | None) -> str:
    """The variant that is searched around: the one that is `named`, or the preset's first network.

    Raises: UsageError where there is none.
    """
    refuse_to_tune_again(named, competition.variants)
    wanted = [named] if named is not None else list(competition.presets[preset].variants)
    found = next((name for name in wanted if competition.variants[name].make_model is not None), None)
    if found is None:
        raise _no_network(competition, wanted[0])
    return found
