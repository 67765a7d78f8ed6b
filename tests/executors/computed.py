"""What is cross-validated in the tests of executors, and what stands in for a run's keep."""

import toys

from pipelines.competition import Recipe, Variant
from pipelines.encoders import TabularEncoder
from pipelines.models import MLP
from pipelines.validation.crossval import cross_validate
from pipelines.validation.results import Keep

RECIPE = Recipe(epochs=2, batch_size=64, lr=0.1)


def encoder():
    return TabularEncoder(("signal", "noise"))


def variants_of(make_model=lambda d, c: MLP([d, 5, c], dropout=0.2), make_encoder=encoder):
    return {"network": Variant(make_encoder=make_encoder, make_model=make_model, recipe=RECIPE)}


def validated(toy, executor, variants=None, keep=None, on_epoch=lambda *_: None, features=None, **changes):
    """The result of that executor."""
    plan = toys.plan(toy, variants=variants or variants_of(), executor=executor, **changes)
    return cross_validate(toy, features or toys.make_features(), plan, on_epoch, keep=keep)


def bytes_of(result):
    return result.oof.tobytes() + result.test.tobytes()


class Noted(Keep):
    """Keeps what it is told to, in memory."""

    def __init__(self):
        self.finished, self.models = {}, {}

    def find(self, jobs, *, pooled=True):
        return {job: self.finished[pooled, job] for job in jobs if (pooled, job) in self.finished}

    def put(self, finished, encoders, models, *, pooled=True):
        self.finished |= {(pooled, each.job): each for each in finished}
        self.models |= {(pooled, job): model for job, model in models.items()}
