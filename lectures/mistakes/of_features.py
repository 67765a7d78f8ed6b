"""Mistakes with what is learned from rows, measured on the embedded samples and on noise."""

import warnings

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lectures.mistakes.gallery import Mistake, after, fails
from lectures.mistakes.of_files import products, titanic
from pipelines.encoders import LeaveOneOutMean
from pipelines.metrics import log_loss
from pipelines.validation.splits import split

SKLEARN = {
    "StandardScaler": StandardScaler, "SelectKBest": SelectKBest, "LogisticRegression": LogisticRegression,
    "cross_val_score": cross_val_score, "make_pipeline": make_pipeline, "SimpleImputer": SimpleImputer,
    "OneHotEncoder": OneHotEncoder, "make_column_transformer": make_column_transformer,
}  # fmt: skip


def by_these_columns(seed: int, lines: str) -> float:
    """Cross-validated accuracy of logistic regression on the lines' X."""
    y, X = titanic()["Survived"], after(lines, rows=titanic(), pd=pd).X
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found = cross_val_predict(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)), X, y, cv=folds)
    return float((found == y).mean())


def ten_by_ten(seed: int, lines: str) -> float:
    """Log loss of test rows that come in ten by ten and are scaled by the lines."""
    X, X_other, y, y_other = products(seed)
    scaler = StandardScaler().fit(X)
    model = LogisticRegression(max_iter=500).fit(scaler.transform(X), y)
    tens = np.array_split(X_other, len(X_other) // 10)
    scaled = np.vstack([after(lines, **SKLEARN, scaler=scaler, test=ten).scaled for ten in tens])
    return float(log_loss(y_other, model.predict_proba(scaled)))


def of_noise(seed: int, lines: str) -> float:
    """The accuracy that the lines claim for labels that have nothing to do with the columns."""
    random = np.random.default_rng(seed)
    return float(after(lines, **SKLEARN, X=random.normal(size=(100, 1000)), y=np.arange(100) % 2).claimed)


def by_ticket(seed: int, lines: str) -> float:
    """Cross-validated accuracy by the sex and by what the lines learn of a ticket."""
    rows, y = titanic(), titanic()["Survived"].to_numpy()
    sex, found = pd.get_dummies(rows["Sex"], dtype=float).to_numpy(), np.zeros(len(rows))
    for fit, scored in split(y, 5, seed):
        made = after(lines, LeaveOneOutMean=LeaveOneOutMean, rows=rows, y=y, fit=fit, scored=scored)
        model = LogisticRegression().fit(np.hstack([sex[fit], made.inside]), y[fit])
        found[scored] = model.predict(np.hstack([sex[scored], made.outside]))
    return float((found == y).mean())


def left(_seed: int, lines: str) -> float:
    """Missing ages that are left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas 2 says that it will stop to work; pandas 3 says that it does not
        return float(after(lines, rows=titanic().copy()).rows["Age"].isna().sum())


def of_an_unseen_title(_seed: int, lines: str) -> float:
    """Test rows with a title that no training row has: how many cannot be predicted."""
    new = titanic().head(20).assign(Title="Dona")[["Title"]]
    encoder = after(lines, **SKLEARN).encoder.fit(titanic().assign(Title="Mr")[["Title"]])
    return fails(ValueError, lambda: encoder.transform(new)) * len(new)


def of_a_missing_fare(_seed: int, lines: str) -> float:
    """One fare is missing, in the test file only: how many rows cannot be predicted."""
    frame = titanic()[["Age", "Fare"]]
    fit, test = frame.dropna().assign(Age=lambda rows: rows["Age"].where(rows["Age"] > 1)), frame.dropna().head(20)
    test = test.assign(Fare=test["Fare"].where(np.arange(20) != 7))
    filler = after(lines, **SKLEARN).filler
    model = make_pipeline(filler, StandardScaler(), LogisticRegression()).fit(fit, titanic()["Survived"].loc[fit.index])
    return fails(ValueError, lambda: model.predict(test)) * len(test)


def as_a_tensor(_seed: int, lines: str) -> float:
    """Whether the lines' columns can be no tensor."""
    columns = after(lines, pd=pd, rows=titanic()[["Fare", "Sex"]]).columns
    return fails(TypeError, lambda: torch.tensor(columns.to_numpy()))


MISTAKES = [
    Mistake(
        name="features", what="Sex dropped, PassengerId kept", what_zh="丢掉了 Sex，却留下 PassengerId",
        why="Text is not useless, and an id is no quantity.", why_zh="文本列并非没用，编号也不是数量。",
        wrong='X = rows[["PassengerId", "Pclass", "SibSp", "Parch"]]',
        right='X = pd.get_dummies(rows[["Sex", "Pclass", "SibSp", "Parch"]], dtype=float)',
        measure="accuracy", guard="baselines beside every score; the id never reaches the features",
        guard_zh="每个得分旁边都有基线；id 不会进入特征", by=by_these_columns,
    ),
    Mistake(
        name="refit", what="encoder fitted anew on every ten test rows", what_zh="每来十行测试数据就重新拟合一次编码器",
        why="Ten rows have another mean than those that the model was trained on.",
        why_zh="十行数据的均值，与训练模型时的均值不同。",
        wrong="scaled = StandardScaler().fit_transform(test)",
        right="scaled = scaler.transform(test)  # fitted on the training rows",
        measure="log loss", guard="one encoder per fold, fitted on its training rows",
        guard_zh="每折一个编码器，只在该折的训练行上拟合", by=ten_by_ten,
    ),
    Mistake(
        name="scaler", what="scaler and selection fitted on all rows", what_zh="在全部数据行上拟合缩放和特征选择",
        why="The scored rows have taken part. On noise the selection lies by a third; the scaler "
            "alone by next to nothing.",
        why_zh="被打分的行也参与了拟合。在纯噪声上，特征选择会虚高三分之一；单是缩放几乎没有影响。",
        wrong="X = StandardScaler().fit_transform(X)\nX = SelectKBest(k=20).fit_transform(X, y)\n"
              "claimed = cross_val_score(LogisticRegression(), X, y).mean()",
        right="model = make_pipeline(StandardScaler(), SelectKBest(k=20), LogisticRegression())\n"
              "claimed = cross_val_score(model, X, y).mean()",
        measure="accuracy believed / true", guard="what is learned from rows is learned inside the fold; canary test",
        guard_zh="凡是从数据行学到的，都在折内学习；另有金丝雀测试", by=of_noise,
    ),
    Mistake(
        name="leak", what="group survival counted on all labels", what_zh="用全部标签统计同组生还率",
        why="A passenger's own fate is part of the mean of the ticket.",
        why_zh="同票的平均值里，包含了乘客自己的结局。",
        wrong='fate = rows.groupby("Ticket")[["Survived"]].transform("mean").to_numpy()\n'
              'inside, outside = fate[fit], fate[scored]',
        right='encoder = LeaveOneOutMean()\ninside = encoder.fit_transform(rows[["Ticket"]].iloc[fit], y[fit])\n'
              'outside = encoder.transform(rows[["Ticket"]].iloc[scored])',
        measure="accuracy believed / true", guard="LeaveOneOutMean inside the fold; canary test",
        guard_zh="折内使用 LeaveOneOutMean；另有金丝雀测试", by=by_ticket,
    ),
    Mistake(
        name="fillna", what="fillna(inplace=True) on a column", what_zh="对一列使用 fillna(inplace=True)",
        why='In pandas 3 rows["Age"] is a copy: what is filled is thrown away.',
        why_zh='在 pandas 3 中 rows["Age"] 是副本：填好的值被丢弃了。',
        wrong='rows["Age"].fillna(0, inplace=True)', right='rows["Age"] = rows["Age"].fillna(0)',
        measure="missing values left (pandas 3)", guard="tests run with warnings as errors",
        guard_zh="测试把警告当作错误", by=left,
    ),
    Mistake(
        name="unseen", what="a category that only the test file has", what_zh="只在测试文件中出现的类别",
        why="The encoder has no column for it, and refuses all rows.", why_zh="编码器没有对应的列，整批拒绝。",
        wrong="encoder = OneHotEncoder()", right='encoder = OneHotEncoder(handle_unknown="ignore")',
        measure="test rows without prediction", guard="encoders take unseen categories in every column",
        guard_zh="编码器在每一列都接受没见过的类别", by=of_an_unseen_title,
    ),
    Mistake(
        name="gap", what="a gap that only the test file has", what_zh="只在测试文件中出现的缺失",
        why="Gaps are filled only in the column where training has them.", why_zh="只填了训练集中有缺失的那一列。",
        wrong='filler = make_column_transformer((SimpleImputer(), ["Age"]), remainder="passthrough")',
        right="filler = SimpleImputer()",
        measure="test rows without prediction", guard="encoders fill gaps in every column",
        guard_zh="编码器在每一列都填充缺失", by=of_a_missing_fare,
    ),
    Mistake(
        name="dummies", what="get_dummies beside numbers", what_zh="get_dummies 的结果与数值列放在一起",
        why="It makes bool columns; beside floats they are an array of objects, which is no tensor.",
        why_zh="它生成布尔列；与小数列放在一起成为 object 数组，不能转成张量。",
        wrong="columns = pd.get_dummies(rows)", right="columns = pd.get_dummies(rows, dtype=float)",
        measure="trainings that fail", guard="encoders give float32 only", guard_zh="编码器只输出 float32",
        by=as_a_tensor,
    ),
]  # fmt: skip
