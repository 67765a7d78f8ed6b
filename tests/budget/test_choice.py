"""What is trained next: the greatest gain per second of what fits, told by predictions that are there."""

import numpy as np
import pytest
from kept import probabilities

from pipelines.budget.candidates import Candidate, Piece, chosen, first_folds, more_seeds, seconds_of, unit
from pipelines.budget.deadline import Deadline, OutOfTimeError
from pipelines.budget.gains import PRIOR, Gains
from pipelines.budget.gathered import Gathered
from pipelines.budget.order import Order
from pipelines.training.fit import Job
from pipelines.validation.results import Finished, Keep
from pipelines.validation.splits import Fold

N, FOLDS = 2_000, 4
ROWS = np.arange(N)
FOLD_OF = ROWS % FOLDS
SPLIT = [Fold(np.flatnonzero(fold != FOLD_OF), np.flatnonzero(fold == FOLD_OF)) for fold in range(FOLDS)]
SIGNAL = np.random.default_rng(0).normal(size=N)
Y = (SIGNAL + np.random.default_rng(1).logistic(scale=0.4, size=N) > 0).astype(np.int64)


DONE = Candidate("network", 1, 1.0)  # a unit that is pooled, and no other to come


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def said(noise, seed=0, own=0.0, variant=0):
    """What a model says: the signal with noise of its seed's, and some that all seeds of a variant share."""
    shared = own * np.random.default_rng([variant, 7]).normal(size=N)
    return probabilities(2 * SIGNAL + shared + noise * np.random.default_rng([seed, variant, 3]).normal(size=N))


def finished(name, seed, predictions, folds=range(FOLDS)):
    return [
        Finished(job=Job(name, fold, seed), scored=predictions[SPLIT[fold].scored], test=np.full((2, 2), seed + 1.0),
                 model="", seconds=1.0)
        for fold in folds
    ]  # fmt: skip


def gathered(**units):
    """Units by variant, each a list of predictions; folds that are there of the last where it is not whole."""
    there = Gathered(Keep(), SPLIT, N)
    for name, of_seeds in units.items():
        for seed, predictions in enumerate(of_seeds):
            there.put(finished(name, seed, predictions), {}, {})
            there.pool(name)
    return there


def order(candidates, there, toy, minutes=10.0, workers=2):
    deadline = Deadline(minutes, Clock())
    return Order(candidates, there, Gains(toy, Y), deadline, workers, FOLDS)


def test_a_unit_counts_when_it_is_whole_and_seeds_are_averaged_in_their_order():
    there, other = gathered(), said(1.0, seed=1)
    one = said(1.0)
    there.put(finished("network", 0, one, folds=[0, 2]), {}, {})
    assert (there.pool("network"), there.folds_of(("network", 0)), there.predictions) == (0, {0, 2}, [])
    scored = np.isin(ROWS % FOLDS, [0, 2])
    np.testing.assert_array_equal(np.isfinite(there.said("network")[:, 0]), scored)
    there.put(finished("network", 1, other), {}, {})
    assert there.pool("network") == 0  # the first seed is not whole
    there.put(finished("network", 0, one, folds=[1, 3]), {}, {})
    assert there.pool("network") == 2
    np.testing.assert_allclose(there.said("network"), (one + other) / 2)
    np.testing.assert_array_equal(there.said("network", 1), other)
    by_fold = {each.jobs[0].fold: each for each in there.predictions}
    assert [job.seed for job in by_fold[3].jobs] == [0, 1]
    np.testing.assert_array_equal(by_fold[3].test, np.full((2, 2), 1.0 + 2.0))  # their sum
    there.find([]), there.put(finished("trees", 0, one), {}, {}, pooled=False)
    assert there.n_seeds("trees") == there.pool("trees") == 0  # a baseline of the same name is none of it


def test_a_new_variant_is_worth_what_the_pool_loses_less_with_it(toy):
    gains = Gains(toy, Y)
    network, alike, other = said(1.0), said(1.0), said(1.0, variant=1)
    pooled = {"network": network}
    assert gains.of_new(pooled, alike) == pytest.approx(0, abs=1e-6)
    assert gains.of_new(pooled, other) > 0.01
    partly = other.copy()
    partly[ROWS % FOLDS != 0] = np.nan  # of one fold only
    assert gains.of_new(pooled, partly) == pytest.approx(gains.of_new(pooled, other), rel=0.5)
    rows = gains.rows(network)
    half = np.clip(network, 1e-15, None) ** 0.5  # the best temperature undoes another
    sharper = half / half.sum(axis=1, keepdims=True)
    assert gains.loss({"a": sharper}, rows) == pytest.approx(gains.loss(pooled, rows), abs=1e-4)


def test_averaging_is_worth_what_the_law_says(number_toy):
    """Of independent errors of variance v the mean of S has v / S."""
    rng = np.random.default_rng(0)
    truth = 5000 + 100 * rng.normal(size=20_000)
    errors = 50 * rng.normal(size=(4, 20_000))
    seeds = [(truth + each)[:, None] for each in errors]
    gains = Gains(number_toy, truth)
    found = gains.of_averaging({"network": np.mean(seeds, axis=0)}, "network", seeds[:2], 4)
    rows = gains.rows(seeds[0])
    one, mean = gains.loss({"": seeds[0]}, rows), gains.loss({"": np.mean(seeds, axis=0)}, rows)
    assert found == pytest.approx((one - mean) / (1 - 1 / 4), rel=0.05)
    assert one == pytest.approx(0.25 / 1.25, rel=0.05)  # the best weight shrinks it: v / (1 + v) of the variance
    number_toy = Gains(number_toy, np.full(10, 3.0))
    assert number_toy.spread == 1.0  # a target that is constant


def test_the_greatest_gain_per_second_is_next_and_ranks_variants_and_seeds_alike(toy):
    there = gathered(network=[said(1.0)])
    candidates = [
        Candidate("network", 20, 1.0, "measured"),
        Candidate("dear", 20, 100.0, "earlier", said(1.0, variant=1)),
        Candidate("cheap", 20, 1.0, "earlier", said(1.0, variant=1)),
        Candidate("same", 20, 1.0, "earlier", said(1.0)),
    ]
    choice = order(candidates, there, toy)
    assert [piece.candidate.name for piece in choice.next()] == ["cheap"]
    [piece] = choice.next()
    assert (piece.seeds, list(piece.folds)) == (range(1), [0, 1, 2, 3])
    of_new = Gains(toy, Y).of_new({"network": said(1.0)}, said(1.0, variant=1))
    loss = Gains(toy, Y).loss({"network": said(1.0)}, ROWS)
    assert piece.rate == pytest.approx(of_new / loss / (1.5 * 2))  # four folds of 1 s on two cores, with a margin
    there.put(finished("cheap", 0, said(1.0, variant=1)), {}, {})
    there.pool("cheap")
    after = choice.next()
    assert {piece.candidate.name for piece in after} <= {"network", "cheap"}  # "dear" says now what is known


def test_what_nobody_has_tried_is_tried_by_some_folds_that_count(toy):
    there = gathered(network=[said(1.0)])
    new = Candidate("new", 20, 40.0)
    choice = order([DONE, new], there, toy)
    [piece] = choice.next()
    assert (piece.candidate.name, list(piece.folds)) == ("new", [0, 1])  # one for each core
    assert piece.rate == pytest.approx(PRIOR / (1.25 * 80))  # a trial, with a margin
    there.put(finished("new", 0, said(1.0, variant=1), folds=[0, 1]), {}, {})
    choice.learn([piece], 20.0)  # 40 s were expected of a fold
    assert (new.seconds, new.known) == (20.0, "measured")
    [rest] = choice.next()
    assert list(rest.folds) == [2, 3]
    assert rest.rate > piece.rate
    little = order([DONE, Candidate("new", 20, 0.1)], there, toy)
    assert list(little.next()[0].folds) == [2, 3]
    quick = order([DONE, Candidate("quick", 20, 0.1)], there, toy)
    assert list(quick.next()[0].folds) == [0, 1, 2, 3]  # it takes no time to speak of


def test_the_usual_variants_come_before_others_as_far_as_they_fit(toy):
    there = gathered(network=[said(1.0)])
    usual, other = Candidate("usual", 20, 9.0, usual=True), Candidate("other", 20, 1.0)
    choice = order([DONE, other, usual], there, toy)
    assert [piece.candidate.name for piece in choice.next()] == ["usual"]
    choice.deadline.reserve = 600 - 20  # two rounds of 9 s and a quarter more are 22.5
    assert [piece.candidate.name for piece in choice.next()] == ["other"]
    there.put(finished("usual", 0, said(1.0, variant=1)), {}, {})
    there.pool("usual")
    choice.deadline.reserve = 0.0
    assert [piece.candidate.name for piece in choice.next()] == ["other"]  # it promises more than another seed


def test_nothing_is_begun_that_would_not_end(toy):
    there = gathered(network=[said(1.0)])
    candidates = [Candidate("network", 20, 20.0, "measured"), Candidate("new", 20, 18.0)]
    choice = order(candidates, there, toy, minutes=1.0)
    assert {piece.candidate.name for piece in choice.next()} <= {"network", "new"}
    choice.deadline.reserve = 60 - 44.9  # two rounds of 20 s and a tenth more are 44; of 18 s and a quarter more, 45
    assert [piece.candidate.name for piece in choice.next()] == ["network"]
    assert candidates[1].why_left == "it would have taken about 45 s, and 45 s were left"
    choice.deadline.reserve = 60 - 43.9
    assert choice.next() == []
    for each in candidates:
        each.seconds = None  # not tried
    choice.deadline.reserve = 0.0
    assert choice.next() == []


def test_seeds_come_in_as_many_as_there_are_while_they_take_little(toy):
    one = Candidate("network", 20, 1.0, "measured")
    more = more_seeds(one, 4, FOLDS, 0.01, left=1e6, workers=2)
    assert more.seeds == range(4, 8)
    assert more.rate == pytest.approx(0.01 * (1 / 4 - 1 / 8) / (4 * 2 * 1.1))
    assert more_seeds(one, 4, FOLDS, 0.01, left=40.0, workers=2).seeds == range(4, 6)  # an eighth of the time: 5 s
    assert more_seeds(one, 4, FOLDS, 0.01, left=2.1, workers=2) is None
    assert more_seeds(one, 19, FOLDS, 0.01, left=1e6, workers=2).seeds == range(19, 20)
    estimator = Candidate("trees", 1, 1.0, "measured")  # of which one stands for all
    there = gathered(trees=[said(1.0)])
    assert order([estimator], there, toy).next() == []


def test_no_core_is_idle_where_something_else_fits_beside_it():
    folds = range(5)
    a, b, c = (Piece(Candidate(name, 20, 10.0, "measured"), range(1), folds, rate) for name, rate in
               (("a", 3.0), ("b", 2.0), ("c", 1.0)))  # fmt: skip
    assert seconds_of([a], 2, margin=False) == 30
    assert chosen([c, a, b], 1000, 2) == [a, b]  # ten jobs on two cores
    assert chosen([c, a, b], 1000, 5) == [a]
    assert chosen([a, b], 100, 2) == [a]  # both would take more than half of the time
    assert chosen([], 1000, 2) == []
    assert first_folds(a, 1000, 2) == a  # a tenth of the time or less
    assert list(first_folds(a, 100, 2).folds) == [0, 1]
    a.candidate.at_once = 2
    assert list(first_folds(a, 100, 2).folds) == [0, 1, 2, 3]
    assert unit(a.candidate, folds, 0.01, 32.9, 2) is None


def test_where_another_days_seconds_are_too_few_all_of_them_are(toy):
    there = gathered(network=[said(1.0)])
    a, b, c = Candidate("a", 20, 10.0, "earlier"), Candidate("b", 20, 30.0, "earlier"), Candidate("c", 20, 5.0)
    choice = order([a, b, c], there, toy)
    choice.learn([Piece(a, range(1), range(4))], 60.0)  # 20 s were expected
    assert [each.seconds for each in (a, b, c)] == [30.0, 90.0, 5.0]
    assert [each.known for each in (a, b, c)] == ["measured", "earlier", "trial"]


def test_the_time_ends_what_trains():
    deadline = Deadline(1.0, Clock(), began=-10.0)
    deadline.reserve = 20.0
    assert (deadline.passed, deadline.left, deadline.ends) == (10.0, 30.0, 50.0)
    deadline.check()
    deadline.clock.now = 30.0
    with pytest.raises(OutOfTimeError):
        deadline.check()
