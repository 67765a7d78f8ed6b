"""Settings that are allowed each, and not together.

What a `Variant`, a `Competition` and its presets say has to be of one kind; told when one is made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.errors import UsageError


def refuse_half_variant(variant: Any) -> None:
    """A variant is a network with its encoder, or an estimator with or without one.

    Raises: UsageError.
    """
    network, estimator = variant.make_model is not None, variant.make_estimator is not None
    if network == estimator:
        raise UsageError(
            f"Variant: has {'both' if network else 'neither'} make_model {'and' if network else 'nor'} make_estimator",
            "give it a network (make_model and make_encoder), or an estimator of scikit-learn's (make_estimator)",
            "请给出网络（make_model 和 make_encoder），或 scikit-learn 的模型（make_estimator），二者只取其一",
        )
    if network and variant.make_encoder is None:
        raise UsageError(
            "Variant: has make_model without make_encoder: a network needs numbers, finite and of one scale",
            "add make_encoder: lambda: StandardScaler(), for example",
            "请添加 make_encoder，例如 lambda: StandardScaler()",
        )


def refuse_contradictions(competition: Any) -> None:
    """A target is classes or a number; what is submitted, and the metric, have to be of the same kind.

    Raises: UsageError.
    """
    name, of, submit = competition.metric.name, competition.metric.of, competition.submit
    is_number = competition.number is not None
    for wrong, what, hint, hint_zh in (
        (
            None not in (competition.groups, competition.time), "has groups and time; rows are split by one of them",
            "keep the one by which Kaggle split train and test rows",
            "请只保留 Kaggle 划分训练集和测试集所依据的那一项",
        ),
        (
            is_number == bool(competition.classes), "needs either classes or number",
            "name the classes of the target, or number=Number() where it is a number",
            "请给出目标的 classes，或在目标为数值时给出 number=Number()",
        ),
        (
            is_number != (submit == "values"), f"has submit={submit!r} for {'a number' if is_number else 'classes'}",
            "a number is submitted as values; classes as labels, probabilities or ranked",
            "数值目标用 values；类别目标用 labels、probabilities 或 ranked",
        ),
        (
            is_number != (of == "values"), f"has the metric {name} of {of}, which is of another kind than its target",
            "choose a metric of the target's kind: pipelines/metrics.py says what each is of",
            "请选择与目标类型相符的指标，见 pipelines/metrics.py",
        ),
    ):  # fmt: skip
        if wrong:
            raise UsageError(f"Competition: {competition.slug} {what}", hint, hint_zh)


def refuse_unknown_variants(presets: Mapping[str, Any], variants: Mapping[str, Any]) -> None:
    """A preset names variants that are there.

    Raises: UsageError.
    """
    for name, preset in presets.items():
        unknown = [variant for variant in preset.variants if variant not in variants]
        if unknown:
            raise UsageError(
                f"Competition: preset {name!r} names the variant {unknown[0]!r}; known: {', '.join(variants)}",
                "name these in the preset, or add the variant",
                "请在 preset 中使用这些名称，或添加该 variant",
            )


def refuse_away(command: str, on: str | None, accelerator: str, others: Sequence[str]) -> None:
    """What goes together with `--on kaggle`; `others` are options that have no meaning there, as they are written.

    Raises: UsageError.
    """
    where, named = on is not None and on.lower(), accelerator.lower()
    for wrong, what, hint, hint_zh in (
        (
            on is None, "--accelerator is one of Kaggle's machines, and the run is here",
            "add --on kaggle; or leave --accelerator out (--device says what is used here)",
            "请加上 --on kaggle，或去掉 --accelerator（本机设备由 --device 指定）",
        ),
        (
            where not in (False, "kaggle"), f"--on {on}: runs can be sent to kaggle only", "choose --on kaggle",
            "目前只支持 --on kaggle",
        ),
        (
            command != "run", f"{command} has no --on: what comes back from Kaggle is a run with its csv",
            "use run --on kaggle", "请使用 run --on kaggle",
        ),
        (
            named.startswith("tpu"), f"--accelerator {accelerator}: networks here train on CPUs and GPUs, on no TPU",
            "choose gpu or none", "请选择 gpu 或 none",
        ),
        (
            not (named in ("gpu", "none") or named.startswith("nvidia")), f"there is no accelerator {accelerator!r}",
            "choose gpu, none, or a name of Kaggle's API: NvidiaTeslaT4, NvidiaTeslaP100",
            "可选 gpu、none，或 Kaggle API 中的名称：NvidiaTeslaT4、NvidiaTeslaP100",
        ),
        (
            bool(others), f"{', '.join(others)} has no meaning on Kaggle's machine",
            "leave it out, or run here, without --on", "请去掉该选项，或去掉 --on 在本机运行",
        ),
    ):  # fmt: skip
        if wrong:
            raise UsageError(what, hint, hint_zh)
