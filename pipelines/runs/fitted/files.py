"""Fitted encoders and estimators to bytes and back; nothing foreign runs when they are read."""

import json
import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import skops
from numpy.typing import NDArray
from skops.io import loads
from skops.io._utils import SaveContext, get_state

from pipelines.errors import TrainingWarning
from pipelines.runs.fitted.sound import refuse_unsound
from pipelines.runs.fitted.stand_ins import CannotKeepError, exchanged, restored
from pipelines.runs.fitted.trusted import check, check_once
from pipelines.runs.tensors import DamagedError
from pipelines.training.fit import Job
from pipelines.validation.estimators import FittedEstimator

LEVEL = 1  # of compression: names make most of a file


def to_bytes(value: Any, folder: str) -> bytes:
    """A fitted encoder or estimator in skops' form; `folder` is that of its competition, whose code may be named.

    Raises: CannotKeepError, saying which attribute, class or function has no such form.
    """
    data, why = _tried(value, folder)
    if why:
        raise CannotKeepError(_culprit(value, why, folder, type(value).__name__))
    return data


def from_bytes(data: bytes, folder: str) -> Any:
    """What `to_bytes` was given.

    Raises: DamagedError for bytes that are no such file, or that name what may not be trusted.
    """
    try:
        trusted, refused = check(data, folder)
        if refused:
            raise DamagedError(f"it names {', '.join(refused[:3])}, which is not trusted: nothing of it was read")
        value = restored(loads(data, trusted=trusted))
        refuse_unsound(value)
    except DamagedError:
        raise
    except Exception as error:  # zip, JSON, skops, or a class that has changed
        raise DamagedError(f"it cannot be read: {type(error).__name__}: {_first_line(error)}") from error
    return value


def _written(value: Any) -> tuple[bytes, dict[str, Any]]:
    """As `skops.io.dumps`, and the schema; its JSON without blanks, which Python writes ten times as fast."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as file:
        context = SaveContext(zip_file=file)
        schema: dict[str, Any] = get_state(value, context)
        context.clear_memo()
        schema |= {"protocol": context.protocol, "_skops_version": skops.__version__}
        file.writestr("schema.json", json.dumps(schema), ZIP_DEFLATED, LEVEL)
    return buffer.getvalue(), schema


def _tried(value: Any, folder: str) -> tuple[bytes, str]:
    """The bytes, and why they are none that may be written, if so."""
    try:
        data, schema = _written(exchanged(value))
        refused = check_once(data, schema, folder)
    except Exception as error:  # of skops, and of whatever the value does when it is asked for its state
        return b"", f"{type(error).__name__}: {_first_line(error)}"
    return data, f"{', '.join(refused[:3])} may be named by no file of a run" if refused else ""


def _culprit(value: Any, why: str, folder: str, place: str) -> str:
    """The innermost attribute that cannot be kept, as a path, and why: Pipeline.steps[0][1].model_: ..."""
    for name, part in _parts(value):
        why_part = _tried(part, folder)[1]
        if why_part:
            return _culprit(part, why_part, folder, f"{place}{name}")
    return f"{place}: {why}"


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        return [(f"[{i}]", each) for i, each in enumerate(value)]
    if isinstance(value, dict):
        return [(f"[{name!r}]", each) for name, each in value.items()]
    return [(f".{name}", each) for name, each in getattr(value, "__dict__", {}).items()]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


def arrays_of(
    encoders: Mapping[int, Any], models: Mapping[Job, Any], variant: str, folder: str
) -> dict[str, NDArray[np.uint8]]:
    """Encoders by fold, and estimators among `models`, as the bytes that a file of tensors holds, by name.

    What cannot be kept is left out. Warns: TrainingWarning, naming what.
    """
    parts: dict[str, Any] = {}
    estimators = {job: model for job, model in models.items() if isinstance(model, FittedEstimator)}
    for job, model in estimators.items():
        parts |= {f"{job.fold}-{job.seed}/encoder": encoders[job.fold], f"{job.fold}-{job.seed}/estimator": model}
    if not estimators:
        parts |= {f"{fold}/encoder": encoder for fold, encoder in encoders.items()}
    found = {}
    for name, value in parts.items():
        try:
            found[name] = np.frombuffer(to_bytes(value, folder), dtype=np.uint8)
        except CannotKeepError as error:
            _warn(variant, name.rpartition("/")[2], error)
    return found


def _warn(variant: str, what: str, error: CannotKeepError) -> None:
    warnings.warn(
        TrainingWarning(
            f"{variant}: its {what} is not kept, and the run cannot predict new rows: {error}",
            "let it hold numbers, texts, arrays, frames, tensors, and classes and functions (def, not lambda) of the "
            "competition's folder or of scikit-learn; the run itself goes on",
            "请让它只包含数值、文本、数组、表、张量，以及比赛文件夹或 scikit-learn 中的类和函数"
            "（用 def，不用 lambda）；本次运行会继续",
        ),
        stacklevel=3,
    )
