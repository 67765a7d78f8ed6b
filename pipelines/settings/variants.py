"""Ready-made ways to predict from columns of any kind, each one line of a competition's `variants`.

Both begin with the `DefaultEncoder`. One of your own is written out in their place, and names what they choose:
`Variant(make_encoder=..., make_model=..., recipe=...)`, or `Variant(make_encoder=..., make_estimator=...)`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from torch import nn

from pipelines.competition import Recipe, Variant
from pipelines.encoders import DefaultEncoder
from pipelines.models import MLP

Text = Literal["leave", "tfidf"]  # what becomes of free text: see DefaultEncoder
PIECES = 16  # of a number: the DefaultEncoder's own


def mlp(
    *hidden: int,
    recipe: Recipe,
    text: Text = "leave",
    pieces: int = PIECES,
    make_encoder: Callable[[], Any] | None = None,
    **layers: Any,
) -> Variant:
    """A network whose hidden layers have these widths; `layers` are options of `MLP`, whose activation is SiLU here.

    `text` and `pieces` are options of the `DefaultEncoder`, in the place of which `make_encoder` gives another.

    >>> few = mlp(64, 32, dropout=0.4, recipe=Recipe(epochs=20))
    >>> [layer.out_features for layer in few.make_model(10, 3).layers if hasattr(layer, "out_features")]
    [64, 32, 3]
    """
    make_model = partial(make_mlp, hidden, {"activation": "silu", **layers})
    if make_encoder is None:
        options: dict[str, Any] = {"text": text} | ({} if pieces == PIECES else {"pieces": pieces})
        make_encoder = partial(DefaultEncoder, **options)
    return Variant(make_encoder=make_encoder, make_model=make_model, recipe=recipe)


def make_mlp(hidden: tuple[int, ...], layers: Mapping[str, Any], n_features: int, n_outputs: int) -> nn.Module:
    """A new network, from as many features to a logit for each class, or one value."""
    return MLP([n_features, *hidden, n_outputs], **layers)


def trees(kind: Callable[..., Any], *, text: Text = "leave", **options: Any) -> Variant:
    """Boosted trees: `kind` is scikit-learn's HistGradientBoostingClassifier or -Regressor, and `options` are its own.

    They learn slowly (learning_rate 0.05). Early stopping is off, since it would split off rows at random, and part
    groups; none of their chance is left to a seed.
    """
    chosen = {"learning_rate": 0.05, "early_stopping": False, "random_state": 0, **options}
    return Variant(
        make_encoder=partial(DefaultEncoder, for_trees=True, text=text), make_estimator=partial(kind, **chosen)
    )
