"""A comparison as lines."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pipelines.runs.history.compare import Apart, Comparison, Part


def lines(comparison: Comparison, a: str, b: str, target: str) -> Iterator[str]:
    """What A and B are, their scores, where they differ, and the verdict, which comes last."""
    c = comparison
    yield f"A  {a}"
    yield f"B  {b}"
    yield from (f"note: {note}" for note in c.notes)
    yield f"{f'{c.metric} over {c.rows} rows':<28}A {c.score_a:.4f}   B {c.score_b:.4f}"
    if c.folds:
        yield from part_lines(f"fold (of {c.rows} rows)", c.folds)
    yield from part_lines(target, c.classes)
    if not math.isnan(c.correlation):
        yield f"{'errors correlate':<28}{c.correlation:.3f}"
    if c.other_labels is not None:
        yield f"{'another class is said of':<28}{c.other_labels} rows"
    if c.most_apart:
        width = max(len("id"), *(len(row.id) for row in c.most_apart))
        yield "the rows where they disagree most"
        yield f"  {'id':<{width}}  {'truth':<12}  {'A says':<18}  B says"
        for row in c.most_apart:
            yield f"  {row.id:<{width}}  {row.truth:<12}  {_said(row, 'a'):<18}  {_said(row, 'b')}"
    if c.rows_se is not None:
        yield f"{'B is better by':<28}{c.gain:+.4f} ± {c.rows_se:.4f} by the rows alone, as trained"
        yield f"{'':<28}{c.difference} trained anew, as the seeds or folds tell"
    yield c.verdict


def as_plain(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON holds it; null for what cannot be scored."""
    return dict(_finite(asdict(comparison) | {"verdict": comparison.verdict}))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def part_lines(of: str, parts: Sequence[Part]) -> Iterator[str]:
    """How much better B is on parts of the rows."""
    yield f"{of:<28}rows      B is better by"
    for part in parts:
        gain = "-" if math.isnan(part.gain) else f"{part.gain:+.4f}" + f" ± {part.se:.4f}" * (not math.isnan(part.se))
        yield f"  {part.name:<26}{part.rows:<10}{gain}"


def _said(row: Apart, which: str) -> str:
    said, sure = getattr(row, which), getattr(row, f"sure_{which}")
    return str(said) if sure is None else f"{said} ({sure:.2f})"
