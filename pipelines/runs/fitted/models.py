"""The models of a run, out of its folder: encoders, networks and estimators, by variant, fold and seed.

Shapes: V variants, n rows, P predictions of a row, as models learn them.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from pipelines.competition import Competition, Variant
from pipelines.errors import DataError, DataWarning, UsageError
from pipelines.metrics import FloatArray
from pipelines.runs import tensors
from pipelines.runs.fitted.files import from_bytes
from pipelines.runs.folder import PLAN, RunFolder
from pipelines.runs.jobs.fingerprint import WORDS, code_parts
from pipelines.runs.jobs.finished import VERSION, Ident, jobs_in
from pipelines.runs.tensors import DamagedError
from pipelines.settings.lookup import folder_of
from pipelines.training.fit import Trained
from pipelines.training.loop import History
from pipelines.training.noise import new_network
from pipelines.training.targets import Scale
from pipelines.validation.crossval import predicted
from pipelines.validation.estimators import predict

NOT_KEPT = ("/scored", "/test")  # what models have said is read elsewhere


class Models:
    """Encoders, networks and estimators of one run, read when they are wanted; its `variants` in the pool's order.

    Raises: DataError for a folder whose plan cannot be read, UsageError for one of another version, or of variants that
    the competition no longer has. Warns: DataWarning where the code is not what it was.
    """

    def __init__(self, folder: RunFolder, competition: Competition, variants: Sequence[str]) -> None:
        self.folder, self.competition, self.variants = folder, competition, list(variants)
        self.code = folder_of(competition.slug)
        self._read: dict[Path, dict[str, Tensor]] = {}
        self._fold, self._ready = -1, list[Callable[[pd.DataFrame], FloatArray]]()
        self._refuse_other()
        for variant in self.variants:
            self._warn_of_other_code(variant)

    @cached_property
    def _plan(self) -> list[Ident]:
        return [ident for ident in map(Ident.of, self.folder.jobs()) if ident.pooled]

    @property
    def n_folds(self) -> int:
        """How many folds there are."""
        return 1 + max(ident.fold for ident in self._plan)

    @property
    def names(self) -> list[tuple[str, int, int]]:
        """Variant, fold and seed of each model, as they were planned."""
        return [ident[:3] for ident in self._plan]

    @cached_property
    def _there(self) -> dict[Ident, tuple[Path, dict[str, Any]]]:
        """Where each model is, and what its file says of it; a damaged file is told where models are missing."""
        keys = {Ident.of(job): job["key"] for job in self.folder.jobs()}
        there: dict[Ident, tuple[Path, dict[str, Any]]] = {}
        damages = []
        for path in self.folder.networks():
            try:
                found = {Ident.of(job): (path, job) for job in jobs_in(path)}
            except DamagedError as error:
                damages.append(error)
                continue
            there |= {ident: held for ident, held in found.items() if keys.get(ident) == held[1]["key"]}
        if damages and not there.keys() >= set(self._plan):
            raise damaged(self.folder.path, damages[0]) from damages[0]
        return there

    def said(self, fold: int, rows: pd.DataFrame) -> FloatArray:
        """What a fold's models say of rows of features (n, ...): the mean over seeds of each variant, (V, n, P)."""
        if fold != self._fold:  # models of one fold at a time
            self._ready, self._fold = [self._predictor(name, fold) for name in self.variants], fold
        return np.stack([say(rows) for say in self._ready])

    def state_dict(self, variant: str, fold: int, seed: int) -> dict[str, Tensor]:
        """The weights of one network by name, as its `state_dict` has them."""
        prefix = f"{fold}-{seed}/weights/"
        held = self._held(variant, fold, seed)
        found = {name.removeprefix(prefix): each for name, each in held.items() if name.startswith(prefix)}
        if not found:
            raise UsageError(
                f"{variant} is an estimator: it has no state_dict", "ask for estimator(...)", "请使用 estimator(...)"
            )
        return found

    def encoder(self, variant: str, fold: int, seed: int = 0) -> Any:
        """The encoder that was fitted on the fold's training rows; None where an estimator has none."""
        held = self._held(variant, fold, seed)
        own = f"{fold}-{seed}/" if self._variant(variant).make_estimator is not None else f"{fold}/"
        return self._fitted(held, f"{own}encoder", variant)

    def estimator(self, variant: str, fold: int, seed: int = 0) -> Any:
        """The fitted estimator of a fold (`FittedEstimator`)."""
        return self._fitted(self._held(variant, fold, seed), f"{fold}-{seed}/estimator", variant)

    def _predictor(self, name: str, fold: int) -> Callable[[pd.DataFrame], FloatArray]:
        """What predicts rows of features (n, ...) by a variant's models of a fold: the mean over seeds, (n, P)."""
        seeds = [ident.seed for ident in self._plan if ident[:2] == (name, fold)]
        if self._variant(name).make_estimator is not None:
            pairs = [(self.encoder(name, fold, seed), self.estimator(name, fold, seed)) for seed in seeds]
            return lambda rows: np.mean([predict(self.competition, *pair, rows) for pair in pairs], axis=0)
        encoder = self.encoder(name, fold, seeds[0])
        networks = [
            Trained(self.network(name, fold, seed), History([], [], 0), self._scale(name, fold, seed)) for seed in seeds
        ]
        return lambda rows: predicted(encoder, networks, rows).mean(axis=0)

    def network(self, variant: str, fold: int, seed: int) -> nn.Module:
        """One network with its weights, ready to predict; on the CPU."""
        make_model, weights = self._variant(variant).make_model, self.state_dict(variant, fold, seed)
        assert make_model is not None  # `state_dict` has found its weights
        like = torch.zeros(2, int(self._about(variant, fold, seed)["n_features"]))
        network = new_network(make_model, like, self.competition.n_outputs, 0)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise UsageError(
                f"the weights of {variant} in {self.folder.name} do not fit the network that make_model gives now: "
                f"{' '.join(str(error).split())[:200]}",
                "take the competition's code as it was then (the run's record names the commit), or run again",
                "请恢复该次运行时的比赛代码（记录中有 git 提交号），或重新运行",
            ) from error
        return network.eval()

    def _scale(self, variant: str, fold: int, seed: int) -> Scale | None:
        kept = self._about(variant, fold, seed)["scale"]
        if kept is None or self.competition.number is None:
            return None
        return Scale(**(kept | {"number": self.competition.number}))

    def _about(self, variant: str, fold: int, seed: int) -> dict[str, Any]:
        ident = Ident(variant, fold, seed)
        if ident not in self._there and ident in self._plan:
            lost = f"no file in networks/ holds {variant}, fold {fold}, seed {seed}, which was planned"
            raise damaged(self.folder.path, DamagedError(lost))
        if ident not in self._there:
            raise UsageError(
                f"{self.folder.name} has no model {variant}, fold {fold}, seed {seed}",
                f"it has those of {', '.join(self.variants)}, folds and seeds from 0",
                f"该次运行的模型：{', '.join(self.variants)}，fold 与 seed 从 0 起",
            )
        return self._there[ident][1]

    def _held(self, variant: str, fold: int, seed: int) -> dict[str, Tensor]:
        """What the file of a model holds, but for what models have said; checked as a whole when it is first read."""
        self._about(variant, fold, seed)
        path = self._there[Ident(variant, fold, seed)][0]
        if path not in self._read:
            with damage_told(self.folder):
                found = tensors.load(path)[0]
            self._read[path] = {name: each for name, each in found.items() if not name.endswith(NOT_KEPT)}
        return self._read[path]

    def _fitted(self, held: dict[str, Tensor], name: str, variant: str) -> Any:
        what = name.rpartition("/")[2]
        if name not in held:
            raise UsageError(
                f"{self.folder.name} keeps no {what} of {variant}: what it holds could not be kept, as the run said",
                "let it hold what can be kept (the run names the attribute), and run again",
                "请按运行时的提示修改，使其可以保存，然后重新运行",
            )
        with damage_told(self.folder):
            return from_bytes(held[name].numpy().tobytes(), self.code)

    def _variant(self, name: str) -> Variant:
        return self.competition.variants[name]

    def _refuse_other(self) -> None:
        version = self.folder.plan().get("version")
        if version is None or not self.folder.jobs():
            raise damaged(self.folder.path, DamagedError(f"{PLAN} cannot be read"))
        if not isinstance(version, int) or version > VERSION:
            raise UsageError(
                f"{self.folder.path} is of version {version}, and this is version {VERSION}",
                "take the version of kaggle-homework that made it, or run again",
                "请使用生成它的版本，或重新运行",
            )
        gone = [name for name in self.variants if name not in self.competition.variants]
        if gone:
            raise UsageError(
                f"{self.competition.slug} has no variant {gone[0]!r}, of which {self.folder.name} has models",
                "write it into the competition's variants again, or name another run",
                "请在 competition 的 variants 中恢复它，或指定其他运行",
            )

    def _warn_of_other_code(self, variant: str) -> None:
        there = [about["parts"] for ident, (_, about) in self._there.items() if ident.variant == variant]
        now = code_parts(self.competition, self._variant(variant))
        differing = [WORDS[part] for part in now if there and there[0].get(part) != now[part]]
        if differing:
            said = (
                f"{self.folder.name}, {variant}: since it was trained, {'; '.join(differing)}: what it says may differ"
            )
            warnings.warn(said, DataWarning, stacklevel=4)


def damaged(path: Path, error: Exception) -> DataError:
    """A file of a run's folder is not as it was written."""
    return DataError(
        f"{path}: {error}",
        "restore the folder from a copy, or run again: what is whole is used, the rest is trained anew",
        "请从备份恢复该文件夹，或重新运行：完好的部分会沿用，其余会重新训练",
    )


@contextmanager
def damage_told(folder: RunFolder) -> Iterator[None]:
    """Turn what is damaged into an error in plain words, with the next step."""
    try:
        yield
    except DamagedError as error:
        raise damaged(folder.path, error) from error
