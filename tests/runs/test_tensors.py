import numpy as np
import pytest
import torch

from pipelines.runs import tensors
from pipelines.runs.predictions import RowPredictions
from pipelines.runs.tensors import DamagedError


def test_what_was_saved_is_loaded(tmp_path):
    weight = torch.arange(6.0).reshape(2, 3)
    given = {"w": weight, "view": weight[:, 1], "n": np.array([1, 2]), "none": torch.zeros(0, 4), "b": torch.tensor(3)}
    tensors.save(tmp_path / "a.safetensors", given, {"jobs": [1, 2], "name": "变体"})
    found, about = tensors.load(tmp_path / "a.safetensors")
    assert about == {"jobs": [1, 2], "name": "变体"}
    assert found.keys() == given.keys()
    assert all(np.array_equal(found[name], np.asarray(each)) for name, each in given.items())


def test_one_changed_byte_anywhere_is_seen(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors.save(path, {"w": torch.arange(5.0), "v": torch.arange(3)}, {"fold": 1})
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedError, match=r"a\.safetensors is damaged"):
            tensors.load(path)


def test_a_file_cut_short_is_seen(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors.save(path, {"w": torch.arange(5.0)}, {})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError, match="is damaged"):
            tensors.load(path)
    with pytest.raises(DamagedError, match=r"there is no b\.safetensors"):
        tensors.load(tmp_path / "b.safetensors")


def test_predictions_come_back_as_they_were(tmp_path):
    given = RowPredictions(
        ids=["0013_01", "a,b", "ü"], y=np.array([0, 1, 0]), fold=np.array([0, 1, -1]),
        oof=np.array([[0.1, 0.9], [0.5, 0.5], [np.nan, np.nan]]), test_ids=["008694"], test=np.array([[0.2, 0.8]]),
        units=np.array([0, 0, 2]), variants={"network": np.zeros((3, 2))},
    )  # fmt: skip
    given.save(tmp_path)
    found = RowPredictions.load(tmp_path)
    assert (found.ids, found.test_ids) == (given.ids, given.test_ids)
    for name in ("y", "fold", "oof", "test", "units"):
        np.testing.assert_array_equal(getattr(found, name), getattr(given, name), strict=True)
    np.testing.assert_array_equal(found.variants["network"], given.variants["network"], strict=True)
