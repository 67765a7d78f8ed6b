"""Frames -> arrays: scikit-learn transformers, fitted anew on each training fold.

Read `tabular` first: numbers and categories that a competition names. `statistics` of groups stand beside it.
`default` takes any frame: `kinds` finds out what each column holds; `numbers`, `categories`, `dates` and `sentences`
make arrays of it.
"""

from pipelines.encoders.default import DefaultEncoder
from pipelines.encoders.statistics import GroupMedianImputer, LeaveOneOutMean
from pipelines.encoders.tabular import TabularEncoder

__all__ = ["DefaultEncoder", "GroupMedianImputer", "LeaveOneOutMean", "TabularEncoder"]
