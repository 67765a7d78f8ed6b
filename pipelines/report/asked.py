"""What a person asks for is looked at before anything heavy is loaded: by all commands, and by `pipelines.run`."""

from pipelines.data.manifest import check_place
from pipelines.executors.faults import refuse_silent
from pipelines.settings.knobs import Knobs, check
from pipelines.settings.lookup import Outline, find


def asked(name: str, knobs: Knobs, *, write: bool) -> Outline:
    """The competition that is meant, its code not loaded; `write` where a csv is going to be written.

    Raises: UsageError or DataError for a name, a value or a place that cannot be; ClusterError.
    """
    outline = find(name)
    check(knobs, outline, write=write)
    check_place(knobs.data, outline.files, outline.slug)
    refuse_silent(knobs.cluster)
    return outline
