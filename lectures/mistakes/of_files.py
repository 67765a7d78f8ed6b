"""Mistakes with what is handed in, measured on the embedded samples of the competitions.

Shapes: N rows, C classes.
"""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from lectures.mistakes.gallery import Mistake, after
from pipelines.metrics import FloatArray, IntArray, log_loss
from pipelines.settings import lookup
from pipelines.submission.linter import lint

Parts = tuple[FloatArray, FloatArray, IntArray, IntArray]


@cache
def titanic() -> pd.DataFrame:
    """Made passengers with their fate."""
    return lookup.load("titanic").make_sample()["train.csv"]


@cache
def products(seed: int) -> Parts:
    """Made products, log counts: training rows, other rows, and their classes 0 to 8."""
    frame = lookup.load("otto").make_sample()["train.csv"]
    classes = frame["target"].str[-1].astype(int).to_numpy() - 1
    X, X_other, y, y_other = train_test_split(
        np.log1p(frame.filter(like="feat").to_numpy(float)), classes, stratify=classes, random_state=seed
    )
    return X, X_other, y, y_other


@cache
def predicted(seed: int) -> FloatArray:
    """Probabilities (N, 9) of the other rows by logistic regression."""
    X, X_other, y, _ = products(seed)
    return np.asarray(LogisticRegression(max_iter=500).fit(X, y).predict_proba(X_other))


def likeness(seed: int, lines: str) -> float:
    """How often a model agrees with what the lines take for the truth."""
    frame = titanic()
    X = pd.get_dummies(frame[["Sex", "Pclass"]], dtype=float)
    fit, other = train_test_split(np.arange(len(frame)), stratify=frame["Survived"], random_state=seed)
    found = LogisticRegression().fit(X.iloc[fit], frame["Survived"].iloc[fit]).predict(X.iloc[other])
    hidden = frame.iloc[other]
    rule = pd.DataFrame({"Survived": (hidden["Sex"] == "female").astype(int)})
    return float((found == after(lines, gender_submission=rule, hidden=hidden).truth).mean())


def answered(seed: int, lines: str) -> float:
    """The log loss of the probabilities that the lines hand in."""
    made = after(lines, np=np, pd=pd, proba=predicted(seed).copy())
    return float(log_loss(products(seed)[3], np.asarray(made.submission)))


def trained_on(seed: int, lines: str) -> float:
    """The log loss on the test rows of a model that is fitted on the lines' X and y."""
    train, test, labels, truth = products(seed)
    made = after(lines, np=np, train=train, test=test, labels=labels)
    return float(log_loss(truth, LogisticRegression(max_iter=500).fit(made.X, made.y).predict_proba(test)))


def found_by_the_linter(seed: int, lines: str) -> float:
    """How many problems the linter finds in what the lines write."""
    competition = lookup.load("titanic")
    example = competition.make_sample()[competition.sample_submission]
    survived = np.random.default_rng(seed).integers(0, 2, len(example))
    made = after(lines, answer=example.copy(), survived=survived)
    sample, answer = (frame.to_csv(index=False).encode() for frame in (example, made.answer))
    return float(len(lint(competition, answer, sample)))


MISTAKES = [
    Mistake(
        name="sex-rule", what="gender_submission.csv taken for the truth",
        what_zh="把 gender_submission.csv 当作标准答案",
        why="It holds the rule that women live: to be like it is not to be right.",
        why_zh="它只是“女性生还”这条规则：与它一致，不等于预测正确。",
        wrong='truth = gender_submission["Survived"]', right='truth = hidden["Survived"]  # rows whose fate is known',
        measure="accuracy believed / true", guard="cv --practice: rows that are hidden and have a truth",
        guard_zh="cv --practice：在藏起来的、有真实答案的行上打分", by=likeness,
    ),
    Mistake(
        name="one-hot", what="one-hot rows in place of probabilities", what_zh="提交独热向量，而不是概率",
        why="A class that is given 0 and is the true one costs 34.5.", why_zh="真实类别的概率写成 0，一行就罚 34.5。",
        wrong="submission = np.eye(9)[proba.argmax(axis=1)]", right="submission = proba",
        measure="log loss", guard="linter", guard_zh="格式检查", by=answered,
    ),
    Mistake(
        name="rounding", what="probabilities rounded to two decimals", what_zh="概率只保留两位小数",
        why="What is below 0.005 becomes 0.00, and costs 34.5 where it is the true class.",
        why_zh="小于 0.005 的都变成 0.00；它若是真实类别，一行就罚 34.5。",
        wrong="submission = proba.round(2)", right="submission = proba  # all digits",
        measure="log loss", guard="linter", guard_zh="格式检查", by=answered,
    ),
    Mistake(
        name="columns", what="labels 1 to 9, every column one off", what_zh="标签是 1 到 9，各列错开一位",
        why="The first column of probabilities is that of the label 1, not of 0.",
        why_zh="概率的第一列对应标签 1，而不是 0。",
        wrong="named = pd.DataFrame(proba, columns=range(0, 9))\n"
              "submission = named.reindex(columns=range(1, 10), fill_value=0)",
        right="named = pd.DataFrame(proba, columns=range(1, 10))\n"
              "submission = named.reindex(columns=range(1, 10), fill_value=0)",
        measure="log loss", guard="columns by name from the sample submission", guard_zh="列名取自样例提交文件",
        by=answered,
    ),
    Mistake(
        name="ids", what="predictions in another order than the ids", what_zh="预测的顺序与 id 的顺序不一致",
        why="The rows were sorted, their ids were not.", why_zh="各行排了序，id 却没有跟着排。",
        wrong='order = proba.argmax(axis=1).argsort(kind="stable")\nsubmission = proba[order]',
        right="submission = proba",
        measure="log loss", guard="writer takes ids and order from the sample submission",
        guard_zh="写文件时 id 和顺序都取自样例提交文件", by=answered,
    ),
    Mistake(
        name="test-rows", what="test rows trained on, targets filled with 0",
        what_zh="把测试行也拿来训练，目标用 0 填充",
        why="The model learns that every test row is of class 0.", why_zh="模型学到的是：测试行全都属于 0 类。",
        wrong="X = np.vstack([train, test])\ny = np.concatenate([labels, np.zeros(len(test))])",
        right="X, y = train, labels",
        measure="log loss", guard="target checked when the files are read", guard_zh="读取文件时检查目标列",
        by=trained_on,
    ),
    Mistake(
        name="labels", what="0.0 and 1.0 in place of 0 and 1", what_zh="写成 0.0 和 1.0，而不是 0 和 1",
        why="pandas makes floats of whole numbers beside a gap; Kaggle may score such a file 0.",
        why_zh="整数列里有缺失时，pandas 会变成小数；这样的文件在 Kaggle 上可能得 0 分。",
        wrong='answer["Survived"] = survived.astype(float)', right='answer["Survived"] = survived.astype(int)',
        measure="problems found by the linter", guard="linter", guard_zh="格式检查", by=found_by_the_linter,
    ),
]  # fmt: skip
