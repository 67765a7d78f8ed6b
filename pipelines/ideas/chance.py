"""How large a difference has to be before it counts, where many ideas are tried on the same rows.

Twenty useless ideas, each held against one chance in twenty, find a useful one among them. So the chance that may be
taken is shared out: idea number j gets 1 / (j (j + 1)) of it, and all that ever follow together no more than the whole.
Source: Foster & Stine 2008, alpha-investing, section 2 (spending a level over a sequence of tests of unknown length).
"""

import math

from scipy.special import ndtri

LEVEL = 0.05  # the chance that any of a series of useless ideas, however long, is said to help


def level_of(number: int) -> float:
    """The chance that idea `number`, from 1, may take; all of them together take LEVEL.

    >>> [round(level_of(number), 5) for number in (1, 2, 12)]
    [0.025, 0.00833, 0.00032]
    """
    return LEVEL / (number * (number + 1))


def errors_needed(number: int) -> float:
    """How many standard errors the difference of idea `number` has to be, about, to count.

    >>> [round(errors_needed(number), 1) for number in (1, 12, 50)]
    [2.0, 3.4, 4.1]
    """
    return float(-ndtri(level_of(number)))


def best_of_useless(number: int) -> float:
    """The largest difference, in standard errors, that so many useless ideas show on the average.

    Source: Blom 1958, the expected largest of normal numbers.

    >>> [round(best_of_useless(number), 2) for number in (1, 2, 12, 50)]
    [0.0, 0.59, 1.64, 2.24]
    """
    return float(ndtri((number - 0.375) / (number + 0.25))) if number > 1 else 0.0


def outcome(gain: float, p: float, number: int) -> str:
    """`helps`, `hurts` or `not told apart`; `p` is two-sided: how often a useless idea differs as much."""
    if math.isnan(p) or p / 2 >= level_of(number):
        return "not told apart"
    return "helps" if gain > 0 else "hurts"
