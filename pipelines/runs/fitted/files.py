"""Fitted encoders and estimators to bytes and back; nothing foreign runs when they are read."""

from pathlib import Path
from typing import Any

from skops.io import dumps, loads

from pipelines.files import sha256, write_whole
from pipelines.runs.fitted.stand_ins import CannotKeepError, exchanged, restored
from pipelines.runs.fitted.trusted import names_in
from pipelines.runs.tensors import DamagedError


def to_bytes(value: Any, folder: str) -> bytes:
    """A fitted encoder or estimator in skops' form; `folder` is that of its competition, whose code may be named.

    Raises: CannotKeepError, saying which attribute, class or function has no such form.
    """
    try:
        data = bytes(dumps(exchanged(value)))
    except CannotKeepError:
        raise
    except Exception as error:  # of skops, and of whatever the value does when it is asked for its state
        said = (str(error).splitlines() or [""])[0]
        raise CannotKeepError(f"{culprit(value)}: {type(error).__name__}: {said}") from error
    refused = names_in(data, folder)[1]
    if refused:
        raise CannotKeepError(f"{type(value).__name__} holds {', '.join(refused[:3])}, which no file of a run may name")
    return data


def from_bytes(data: bytes, folder: str) -> Any:
    """What `to_bytes` was given.

    Raises: DamagedError for bytes that are no such file, or that name what may not be trusted.
    """
    try:
        trusted, refused = names_in(data, folder)
        if refused:
            raise DamagedError(f"it names {', '.join(refused[:3])}, which is not trusted: nothing of it was read")
        return restored(loads(data, trusted=trusted))
    except DamagedError:
        raise
    except Exception as error:  # zip, JSON, skops, or a class that has changed
        said = (str(error).splitlines() or [""])[0]
        raise DamagedError(f"it cannot be read: {type(error).__name__}: {said}") from error


def save(path: Path, value: Any, folder: str) -> str:
    """Write a fitted encoder or estimator, whole or not at all; returns the file's SHA-256, to be kept elsewhere.

    Raises: CannotKeepError; then nothing is written.
    """
    data = to_bytes(value, folder)
    write_whole(path, data)
    return sha256(data)


def load(path: Path, digest: str, folder: str) -> Any:
    """What was saved to `path`, if the file's SHA-256 is that.

    Raises: DamagedError, naming the file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedError(f"{path.name} cannot be read: {error.strerror}") from None
    if sha256(data) != digest:
        raise DamagedError(f"{path.name} is damaged: its bytes are not those that were written")
    try:
        return from_bytes(data, folder)
    except DamagedError as error:
        raise DamagedError(f"{path.name}: {error}") from error


def culprit(value: Any, place: str = "") -> str:
    """The innermost attribute that cannot be kept, as a path: Pipeline.steps[0][1].model_."""
    place = place or type(value).__name__
    for name, part in _parts(value):
        try:
            dumps(exchanged(part))
        except Exception:  # as in `to_bytes`
            return culprit(part, f"{place}{name}")
    return place


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        return [(f"[{i}]", each) for i, each in enumerate(value)]
    if isinstance(value, dict):
        return [(f"[{name!r}]", each) for name, each in value.items()]
    return [(f".{name}", each) for name, each in getattr(value, "__dict__", {}).items()]
