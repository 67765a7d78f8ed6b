"""How a run is cross-validated: what its preset says, and what the command line overrides."""

from dataclasses import replace

from pipelines.budget.within import all_there_is
from pipelines.competition import Competition
from pipelines.executors.choice import executor_of
from pipelines.hardware import pick_device
from pipelines.settings.knobs import Knobs, check_names
from pipelines.validation.crossval import Plan


def make_plan(competition: Competition, knobs: Knobs) -> Plan:
    """The preset of that name with the knobs' overrides.

    Raises: UsageError for an unknown preset or variant, or a device that is not there.
    """
    check_names(competition.slug, knobs, competition.presets, competition.variants)
    device = pick_device(knobs.device)
    if knobs.minutes is None:
        preset = competition.presets[knobs.preset]
    else:
        preset = all_there_is(competition, knobs.preset, device.type)
    variants = {name: competition.variants[name] for name in knobs.variants or preset.variants}
    if knobs.epochs is not None:  # estimators have no recipe to change
        variants = {name: replace(v, recipe=replace(v.recipe, epochs=knobs.epochs)) for name, v in variants.items()}
    return Plan(
        folds=preset.folds if knobs.folds is None else knobs.folds,
        seeds=preset.seeds if knobs.seeds is None else knobs.seeds,
        variants=variants,
        seed=knobs.seed,
        device=str(device),
        memory_mb=knobs.memory,
        executor=executor_of(knobs, device, competition.slug),
        shares=knobs.shares,
    )
