"""The course's two competitions as exercises: which tier the score of the learner's last run has reached.

The tiers' scores are those of README's results: cross-validated, on Kaggle's own rows of Titanic, and on the 49,502
rows that README rehearses Otto with. Kaggle's whole file of Otto has a quarter more rows, which is worth a little.
"""

from dataclasses import dataclass
from pathlib import Path

from pipelines.runs.folder import NAME, RunFolder
from pipelines.submission.record import Record, RecordError


@dataclass(frozen=True)
class Tier:
    """A level to reach, and whose score it is, in English and Chinese."""

    name: tuple[str, str]
    score: float
    whose: tuple[str, str]


SIMPLE, MEDIUM, STRONG, BOSS = ("simple", "入门"), ("medium", "中等"), ("strong", "强"), ("boss", "终极")


@dataclass(frozen=True)
class Homework:
    """A competition of the course; `name` is what the command calls it, `tiers` are the easiest first."""

    name: str
    slug: str
    title: tuple[str, str]
    greater_is_better: bool
    tiers: tuple[Tier, ...]

    @property
    def lecture(self) -> str:
        """The lecture whose homework it is."""
        return self.name[:2]

    def reached(self, score: float) -> Tier | None:
        """The highest tier that a score reaches, to four decimals, as README gives them."""
        sign = 1 if self.greater_is_better else -1
        reached = [tier for tier in self.tiers if sign * round(score, 4) >= sign * tier.score]
        return reached[-1] if reached else None


HOMEWORK = (
    Homework("08-titanic", "titanic",
             ("who survives the Titanic: accuracy, in four tiers", "泰坦尼克号上谁能生还：准确率，分四级"), True, (
        Tier(SIMPLE, 0.6488, ("better than the majority class (0.6162) by twice its standard error",
             "比全猜多数类（0.6162）高出两倍标准误")),
        Tier(MEDIUM, 0.7868, ("sex only", "只看性别")),
        Tier(STRONG, 0.8462, ("`make titanic`", "`make titanic`")),
        # README: its paired difference to logistic regression has an error of 0.0049; above 0.86 look for a leak first.
        Tier(BOSS, 0.8560, ("strong, and twice the error of a paired difference more",
             "比“强”高出配对差值标准误的两倍")),
    )),
    Homework("09-otto", "otto-group-product-classification-challenge",
             ("nine kinds of products: log loss, in four tiers", "九类商品：对数损失，分四级"), False, (
        Tier(SIMPLE, 0.6353, ("logistic regression on log counts", "逻辑回归，取对数的计数")),
        Tier(MEDIUM, 0.4891, ("one plain network, `--variants counts`", "一种普通网络，`--variants counts`")),
        Tier(STRONG, 0.4626, ("`make otto`: three kinds of networks", "`make otto`：三种网络")),
        Tier(BOSS, 0.4474, ("`make otto ARGS='--preset best'`: networks and boosted trees",
             "`make otto ARGS='--preset best'`：网络加提升树")),
    )),
)  # fmt: skip


def last_run(root: Path, slug: str) -> tuple[str, Record] | None:
    """Name and record of the newest finished run on real rows; practice and made rows do not count."""
    for path in sorted((root / slug).glob("*"), reverse=True):
        folder = RunFolder(path)
        if not NAME.fullmatch(path.name) or not folder.is_finished:
            continue
        try:
            record = folder.record()
        except RecordError:
            continue
        if record.data != "sample" and record.practice is None and record.cv_mean is not None:
            return path.name, record
    return None
