"""Frames -> arrays: scikit-learn transformers, fitted anew on each training fold.

Read `tabular` first: numbers and categories that a competition names. `statistics` of groups stand beside it.
`default` takes any frame: `kinds` finds out what each column holds, dates too; `numbers`, `categories` and `sentences`
make arrays of it. `blocks` encodes a fold of many rows a block at a time; `beside`
adds columns that another encoder does not look at.
"""

from pipelines.encoders.blocks import InBlocks, StandardisedInBlocks
from pipelines.encoders.default import DefaultEncoder
from pipelines.encoders.statistics import GroupMedianImputer, LeaveOneOutMean
from pipelines.encoders.tabular import TabularEncoder

__all__ = [
    "DefaultEncoder",
    "GroupMedianImputer",
    "InBlocks",
    "LeaveOneOutMean",
    "StandardisedInBlocks",
    "TabularEncoder",
]
