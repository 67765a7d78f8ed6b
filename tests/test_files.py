"""Files are written whole or not at all."""

import hashlib
import os

import pytest

from pipelines.files import sha256, whole_file, write_whole


def test_writes_all_bytes_and_nothing_else(tmp_path):
    write_whole(tmp_path / "new" / "a.csv", b"1,2\n")
    assert (tmp_path / "new" / "a.csv").read_bytes() == b"1,2\n"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.csv"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path, interruption):
    target = tmp_path / "a.csv"
    target.write_bytes(b"old")
    with pytest.raises(BaseException, match=r"disk full|^$"), whole_file(target) as temporary:  # noqa: PT012
        temporary.write_bytes(b"ne")
        raise interruption
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_ordinary_file_is_left_as_it_is(tmp_path):
    place = tmp_path / "pipe"
    os.mkfifo(place)
    with pytest.raises(OSError, match="is no ordinary file"):
        write_whole(place, b"new")
    assert place.is_fifo()
    assert list(tmp_path.iterdir()) == [place]


def test_sha256_agrees_with_the_standard_library():
    assert sha256(b"kaggle") == hashlib.sha256(b"kaggle").hexdigest()
