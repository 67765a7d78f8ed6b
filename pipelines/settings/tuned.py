"""The recipe that `tune` has found, as plain numbers in a file: a variant by the name `tuned`, and a line to paste.

Nothing in the file can run. Torch is not loaded before a variant is made of it.
"""

import json
import keyword
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from pipelines.competition import Competition, Recipe, Variant
from pipelines.errors import HomeworkError, TrainingWarning, UsageError
from pipelines.files import write_whole
from pipelines.settings.allowed import Allowed, number, one_of, whole

TUNED, FILE, VERSION = "tuned", "tuned.json", 1
PICTURE = "search.png"  # of the search, in its folder
OF_SAMPLE = "tuned-sample.json"  # what made rows have chosen: for runs of made rows only
RUNS = Path("runs")  # where a run that keeps nothing looks
DROPOUT = number(", 0 or more, below 1", "不小于 0、小于 1 ", lambda value: 0 <= value < 1)
LAYERS: dict[str, Allowed] = {
    "activation": one_of("relu", "gelu", "silu", "tanh", "sigmoid"), "norm": one_of("batch", "layer"),
    "dropout": DROPOUT, "input_dropout": DROPOUT,
}  # fmt: skip
ENCODER: dict[str, Allowed] = {"pieces": whole(0), "text": one_of("leave", "tfidf")}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network in numbers: widths of hidden layers, options of `MLP`, changes to the encoder of the variant `base`."""

    base: str
    hidden: tuple[int, ...] = ()
    layers: Mapping[str, Any] = field(default_factory=dict)
    encoder: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)

    def variant(self, competition: Competition) -> Variant:
        """The variant that these numbers are.

        Raises: UsageError where the competition has no such variant any more, or its encoder takes no such change.
        """
        from pipelines.settings.variants import make_mlp

        base = competition.variants.get(self.base)
        if base is None or base.make_encoder is None:
            raise _does_not_fit(competition.slug, f"there is no network {self.base!r} whose encoder it takes")
        make_encoder = base.make_encoder
        if self.encoder:
            unknown = set(self.encoder) - set(getattr(make_encoder(), "get_params", dict)())
            if unknown:
                raise _does_not_fit(competition.slug, f"the encoder of {self.base} has no {min(unknown)}")
            make_encoder = partial(with_parameters, make_encoder, dict(self.encoder))
        make_model = partial(make_mlp, self.hidden, dict(self.layers))
        return Variant(make_encoder=make_encoder, make_model=make_model, recipe=self.recipe)

    def expression(self, competition: Competition) -> str:
        """The variant as it is written into the competition's `variants`: a call of `mlp` of `settings.variants`."""
        layers = [f"{name}={value!r}" for name, value in self.layers.items()]
        layers = [each for each in layers if each != "activation='silu'"]  # as it is there
        base = competition.variants[self.base]
        changed = {name: value for name, value in asdict(self.recipe).items() if value != getattr(Recipe(), name)}
        recipe = ", ".join(f"{name}={value!r}" for name, value in changed.items())
        parts = [*map(repr, self.hidden), *layers, *self._encoder(base.make_encoder), f"recipe=Recipe({recipe})"]
        return f"mlp({', '.join(parts)})".replace("'", '"')

    def _encoder(self, make_encoder: Any) -> list[str]:
        """What says which encoder: nothing where it is the default one as it comes."""
        from pipelines.encoders import DefaultEncoder

        plain, own = DefaultEncoder().get_params(), {}
        encoder = make_encoder()
        if type(encoder) is DefaultEncoder:
            own = {name: value for name, value in encoder.get_params().items() if value != plain[name]}
            own |= self.encoder
            own = {name: value for name, value in own.items() if value != plain[name]}
            if set(own) <= set(ENCODER):
                return [f"{name}={value!r}" for name, value in own.items()]
            options = ", ".join(f"{name}={value!r}" for name, value in own.items())
            return [f"make_encoder=lambda: DefaultEncoder({options})"]
        return [f"make_encoder={written(make_encoder) or 'make_encoder'}"]


def written(make: Any) -> str | None:
    """How a function is named in a competition's file; None for one without a name, a lambda.

    >>> written(partial(dict, written, depth=2)), written(lambda: 1)
    ('partial(dict, written, depth=2)', None)
    """
    if isinstance(make, partial):
        parts = [written(make.func), *map(_value, make.args)]
        named = {name: _value(value) for name, value in make.keywords.items()}
        if None in parts or None in named.values():
            return None
        return f"partial({', '.join([*map(str, parts), *(f'{name}={value}' for name, value in named.items())])})"
    name = str(getattr(make, "__qualname__", ""))
    return name if name.isidentifier() and not keyword.iskeyword(name) else None


def _value(value: Any) -> str | None:
    return repr(value) if isinstance(value, int | float | str | bool | tuple | None) else written(value)


def with_parameters(make: Callable[[], Any], parameters: Mapping[str, Any]) -> Any:
    """A new encoder, with these of its parameters changed."""
    return make().set_params(**parameters)


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a search has found, and what it is worth: the gain over `candidate.base` on rows that no search has seen.

    `depths` are rows of layers, candidates, those that saw all folds, score and error of the best of these.
    """

    slug: str
    candidate: Candidate
    study: str  # the folder of the search
    metric: str
    score: float  # of the best of all candidates, which flatters it
    se: float
    gain: float | None = None
    gain_se: float | None = None
    verdict: str = ""
    line: str = ""  # the variant, to paste
    depths: tuple[tuple[float | None, ...], ...] = ()

    def save(self, folder: Path, *, sample: bool = False) -> Path:
        """Write it into the folder of the competition's runs, whole or not at all; that of a sample lies apart."""
        value, path = {"version": VERSION, **asdict(self)}, folder / file_of(sample=sample)
        write_whole(path, f"{json.dumps(value, indent=1)}\n".encode())
        return path

    @classmethod
    def load(cls, folder: Path, slug: str, *, sample: bool = False) -> Self:
        """That of a folder.

        Raises: UsageError for a file that is not there, or is not what is written here.
        """
        path = folder / file_of(sample=sample)
        if not path.is_file():
            raise nothing_tuned(slug, folder.parent, sample=sample)
        try:
            value = json.loads(path.read_bytes())
            if value.pop("version") != VERSION or value["slug"] != slug:
                raise ValueError("it is of another version or competition")
            found = cls(**value | {"candidate": _candidate(value["candidate"]), "depths": _rows(value["depths"])})
            if not (isinstance(found.study, str) and re.fullmatch(r"tune-[\w-]+", found.study, re.ASCII)):
                raise ValueError(f"its study {found.study!r} is no folder of a search")
            if not all(isinstance(each, float) for each in (found.score, found.se)):
                raise ValueError("score or error are something else")
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            said = error.message if isinstance(error, HomeworkError) else str(error) or type(error).__name__
            raise _does_not_fit(slug, f"{path} cannot be used: {said}") from error
        return found


def file_of(*, sample: bool) -> str:
    """The name of the file, by whether made rows have chosen."""
    return OF_SAMPLE if sample else FILE


def _candidate(value: Mapping[str, Any]) -> Candidate:
    """Plain numbers as a candidate; ValueError for whatever is none."""
    names = {each.name for each in fields(Candidate)}
    if set(value) != names or not isinstance(value["base"], str):
        raise ValueError("it lacks what a variant needs, or has more")
    for kind, rules in (("layers", LAYERS), ("encoder", ENCODER)):
        for name, each in value[kind].items():
            if name not in rules or not rules[name].holds(each):
                raise ValueError(f"{kind}: {name} is {each!r:.40}")
    hidden = value["hidden"]
    if not isinstance(hidden, list) or not all(whole(1, 2**16).holds(width) for width in hidden):
        raise ValueError(f"hidden is {hidden!r:.40}")
    made = {"hidden": tuple(hidden), "recipe": Recipe(**value["recipe"])}
    return Candidate(**{**value, **made})


def _rows(value: Any) -> tuple[tuple[float | None, ...], ...]:
    """Rows of five numbers; ValueError for whatever is none."""
    rows = tuple(tuple(row) for row in value)
    if not all(len(row) == 5 and all(each is None or isinstance(each, int | float) for each in row) for row in rows):
        raise ValueError("depths are no rows of five numbers")
    return rows


def with_tuned(
    competition: Competition, names: Iterable[str], runs: Path | None, *, sample: bool = False, practice: bool = False
) -> Competition:
    """The competition with the variant `tuned`, where that is among the `names` and it has none of that name itself.

    Of a `sample` the one that made rows have chosen.
    Warns: TrainingWarning of its scores. Raises: UsageError, under `practice` too.
    """
    if TUNED not in names or TUNED in competition.variants:
        return competition
    if practice:
        raise practised(competition.slug)
    found = _with(competition, (runs or RUNS) / competition.slug, sample=sample)
    warnings.warn(
        TrainingWarning(
            "the training rows of this run have chosen tuned: its out-of-fold score and its weight in the pool are "
            "flattered, and so is the forecast",
            "believe the gain that tune printed, measured on rows that its searches had not seen; a report shows it",
            "请以 tune 输出的增益为准：它是在搜索没有用过的行上测得的，报告中也会显示",
        ),
        stacklevel=2,
    )
    return found


def practised(slug: str) -> UsageError:
    """Hidden rows cannot judge what they have chosen."""
    return UsageError(
        f"practice does not go together with tuned: tune has searched on all training rows of {slug}, also on those "
        "that practice hides, and their score would be flattered",
        "leave tuned out of --variants; the gain that tune printed, on rows that its searches had not seen, says what "
        "it is worth",
        "请从 --variants 中去掉 tuned；tune 输出的增益是在搜索没有用过的行上测得的，可说明它的价值",
    )


def refuse_to_tune_again(variant: str | None, variants: Iterable[str]) -> None:
    """Refuse a search around `tuned`, unless the competition has a variant of that name itself.

    Raises: UsageError.
    """
    if variant == TUNED and TUNED not in variants:
        raise UsageError(
            "--variant tuned is what a search has found; a search begins from a network of the competition",
            "name another one, or leave --variant out; to go on from what was found, paste it under a name of its own",
            "请指定其他 variant，或去掉 --variant；若要在找到的结果上继续，请以别的名称加入 variants",
        )


def with_kept(competition: Competition, folder: Path) -> Competition:
    """The competition with the variant `tuned` as a run's folder keeps it, if it does."""
    if TUNED in competition.variants or not (folder / FILE).exists():
        return competition
    return _with(competition, folder)


def _with(competition: Competition, folder: Path, *, sample: bool = False) -> Competition:
    found = Tuned.load(folder, competition.slug, sample=sample).candidate.variant(competition)
    return replace(competition, variants={**competition.variants, TUNED: found})


def keep_copy(there: Path, run: Path, *, tuned: bool, sample: bool = False) -> None:
    """Put the recipe of a `tuned` run into its folder: what it has trained is told by it, whatever is found later.

    With it goes the picture of the search, where there is one.
    Raises: UsageError for a recipe that is not there, or is not what is written here; OSError.
    """
    for name in (FILE, PICTURE):
        (run / name).unlink(missing_ok=True)
    if tuned:
        found = Tuned.load(there, there.name, sample=sample)
        found.save(run)
        with suppress(OSError):  # a run needs no picture
            write_whole(run / PICTURE, (there / found.study / PICTURE).read_bytes())


def with_tuned_name(variants: Iterable[str] | None, runs: Path | None, slug: str | None) -> list[str] | None:
    """Names of variants, `tuned` among them where it has been found; None where they are not known yet."""
    if variants is None:
        return None
    found = slug is None or any(((runs or RUNS) / slug / name).is_file() for name in (FILE, OF_SAMPLE))
    return [*variants, *[TUNED] * found]


def nothing_tuned(competition: str, runs: Path | None, *, sample: bool = False) -> UsageError:
    """Nothing has been found yet."""
    made = " --data sample" * sample
    return UsageError(
        f"no variant of {competition} has been tuned yet{' on made rows' * sample}: "
        f"there is no {file_of(sample=sample)} in {runs or RUNS}",
        f"let one be searched: python -m pipelines tune {competition} --minutes 10{made}",
        f"请先搜索：python -m pipelines tune {competition} --minutes 10{made}",
    )


def _does_not_fit(slug: str, what: str) -> UsageError:
    return UsageError(
        f"the tuned variant of {slug} does not fit: {what}",
        f"search anew: python -m pipelines tune {slug} --minutes 10; or choose another variant",
        f"请重新搜索：python -m pipelines tune {slug} --minutes 10；或选择其他 variant",
    )
