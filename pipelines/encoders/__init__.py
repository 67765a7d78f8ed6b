"""Frames -> arrays: scikit-learn transformers, fitted anew on each training fold.

Read `tabular` first: numbers, categories, and statistics of groups.
"""

from pipelines.encoders.tabular import GroupMedianImputer, LeaveOneOutMean, TabularEncoder

__all__ = ["GroupMedianImputer", "LeaveOneOutMean", "TabularEncoder"]
