"""Lecture 8: Dataset and DataLoader."""

import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lectures.exercises.judging import Slip, Yours, drawn, expect, require, shown


def dataset(yours: Yours) -> None:
    """Rows of made files, one by one and in batches."""
    for rows in ([[0.5, -1.0, 1.0], [0.25, 2.0, 0.0], [3.0, 4.0, 1.0]], [[1.0, 2.0, 3.0, 0.0]]):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
            made = yours.CsvDataset(str(path))
            said = f"a file of {len(rows)} rows and {len(rows[0])} columns"
            expect(
                f"len(dataset), {said}", len(made), len(rows),
                Slip(len(rows) - 1, "The file has no header: its first line is a row", "文件没有表头：第一行就是数据"),
            )  # fmt: skip
            for index, row in enumerate(rows):
                _look_at(made[index], row, index)
            first, _ = next(iter(DataLoader(made, batch_size=2)))
            expect("the first batch of 2 of a DataLoader: features", first, [row[:-1] for row in rows[:2]])


def _look_at(pair: object, row: list[float], index: int) -> None:
    said = f"dataset[{index}], the row {shown(row)}"
    require(
        isinstance(pair, tuple) and len(pair) == 2,
        f"for {said}: came {type(pair).__name__}, expected two tensors: features, label",
        f"输入 {said}：得到 {type(pair).__name__}，应为特征和标签两个张量",
    )
    assert isinstance(pair, tuple)
    features, label = pair
    expect(f"{said}: features", features, row[:-1], Slip(row, "The label is among the features", "特征里混入了标签"))
    expect(
        f"{said}: label", label, row[-1:],
        Slip(row[-1], "The label has no axis of its own: its shape should be (1,)", "标签少了一个维度：形状应为 (1,)"),
    )  # fmt: skip
    kinds = [getattr(each, "dtype", type(each).__name__) for each in pair]
    require(
        kinds == [torch.float32, torch.float32],
        f"for {said}: came {kinds[0]} and {kinds[1]}, expected tensors of float32, as the weights are",
        f"输入 {said}：得到 {kinds[0]} 和 {kinds[1]}，应为 float32 张量，与权重相同",
    )


def short_batch(yours: Yours) -> None:
    """The mean over rows, which batches of any size must give."""
    for n, size in ((10, 4), (7, 3), (6, 6), (5, 1)):
        x, y = drawn(n, n, 2), drawn(n + 1, n, 1) * torch.arange(1.0, n + 1)[:, None]
        model, criterion = nn.Linear(2, 1), nn.MSELoss()
        with torch.no_grad():
            whole = criterion(model(x), y)
            means = torch.stack([criterion(model(a), b) for a, b in zip(x.split(size), y.split(size), strict=True)])
        expect(
            f"{n} rows in batches of {size}",
            yours.epoch_loss(model, DataLoader(TensorDataset(x, y), batch_size=size), criterion),
            whole,
            Slip(means.mean(), "That is the mean of the batches' means: weigh each by its rows",
                 "这是各批平均值的平均：应按行数加权"),
            Slip(means.sum(), "That is the sum of the batches' means", "这是各批平均值之和"),
            Slip(means[-1], "That is the loss of the last batch alone", "这只是最后一批的损失"),
            Slip((means * size).sum() / n, "The last batch counts as if it were full: use its own rows",
                 "把最后一批当成满批了：应按实际行数"),
        )  # fmt: skip
