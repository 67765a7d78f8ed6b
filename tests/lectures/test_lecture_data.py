"""IDX files, fetching with checksums from a loopback mirror, folders, stand-ins."""

import gzip
import hashlib
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from lectures.course import data, fetching
from lectures.course.fetching import CourseFile
from lectures.course.idx import parse_idx
from lectures.course.lecture import Setting
from lectures.course.made_samples import made_diabetes, made_names
from pipelines.errors import DataError


def idx(values) -> bytes:
    array = np.asarray(values, dtype=np.uint8)
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_idx_gives_back_the_tensor():
    images = np.arange(24).reshape(2, 3, 4)
    assert torch.equal(parse_idx(idx(images)), torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (b"", "begins with nothing"),
        (b"\x1f\x8b\x08\x00", "begins with 1f 8b 08 00"),
        (b"\0\0\x0d\x01" + bytes(8), "type 13"),
        (b"\0\0\x08\x00", "0 axes"),
        (idx([[1, 2], [3, 4]])[:9], "inside the header"),
        (idx([1, 2, 3])[:-1], "needs 3 bytes, 2 are there"),
        (idx([1, 2, 3]) + b"x", "needs 3 bytes, 4 are there"),
    ],
)
def test_idx_that_is_not_whole_is_refused(broken, what):
    with pytest.raises(DataError, match=what):
        parse_idx(broken, "labels")


class Mirror:
    """A server on the loopback that hands out `files` and counts what it is asked for."""

    def __init__(self):
        self.files, self.asked = {}, []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                body = mirror.files.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def mirror(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


CONTENT = b'"Adsit","Czech"\n'


def course_file(*mirrors: str) -> CourseFile:
    return CourseFile("names", "names.csv", hashlib.sha256(CONTENT).hexdigest(), mirrors)


def test_a_file_is_fetched_once_however_it_is_packed(mirror, tmp_path):
    mirror.files["/names.csv.gz"] = gzip.compress(CONTENT, 1)
    assert fetching.fetched((course_file(mirror.url),), tmp_path) == (CONTENT,)
    assert (tmp_path / "names" / "names.csv").read_bytes() == CONTENT
    fetching.fetched.cache_clear()
    mirror.files.clear()
    assert fetching.fetched((course_file(mirror.url),), tmp_path) == (CONTENT,)
    assert mirror.asked == ["/names.csv.gz"]


@pytest.mark.parametrize(
    "first",
    [gzip.compress(b"changed"), b"no gzip", gzip.compress(CONTENT)[:-9], None],
    ids=["other content", "no gzip", "cut short", "missing"],  # the bytes hold the second of their making
)
def test_a_mirror_that_changed_is_refused_and_the_next_one_asked(mirror, tmp_path, first):
    mirror.files |= {"/good/names.csv.gz": gzip.compress(CONTENT)} | ({"/names.csv.gz": first} if first else {})
    assert fetching.fetched((course_file(mirror.url, mirror.url + "good/"),), tmp_path) == (CONTENT,)
    assert mirror.asked == ["/names.csv.gz", "/good/names.csv.gz"]
    assert [path.name for path in (tmp_path / "names").iterdir()] == ["names.csv"]


def test_without_a_good_mirror_the_reasons_are_told_and_nobody_is_asked_again(mirror, tmp_path):
    mirror.files["/old/names.csv.gz"] = gzip.compress(b"changed")
    files = (course_file(mirror.url, mirror.url + "old/"),)
    answer = fetching.fetched(files, tmp_path)
    assert "names.csv.gz: HTTPError" in answer
    assert "old/names.csv.gz: refused, SHA256 hash" in answer
    assert fetching.fetched(files, tmp_path) == answer
    assert len(mirror.asked) == 2


def test_a_net_that_is_not_there_leads_to_the_stand_in(mirror, tmp_path, monkeypatch):
    said = []
    file = CourseFile("diabetes", "diabetes.csv", "0" * 64, (mirror.url,))
    monkeypatch.setattr(fetching, "DIABETES", (file,))
    found = data.load_diabetes(Setting(cache=tmp_path, say=said.append))
    assert found.is_stand_in
    assert found.source == "stand-in: 600 made rows"
    assert said[0] == "fetching diabetes.csv"
    assert "cannot be fetched" in said[1]
    assert "other gates hold" in said[2]


def test_a_damaged_copy_in_the_cache_is_fetched_anew(mirror, tmp_path):
    mirror.files["/names.csv.gz"] = gzip.compress(CONTENT)
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "names.csv").write_bytes(b"damaged")
    assert fetching.fetched((course_file(mirror.url),), tmp_path) == (CONTENT,)


def test_every_address_is_https_and_every_checksum_whole():
    files = [*fetching.DIABETES, *fetching.NAMES, *fetching.MNIST]
    assert len({file.sha256 for file in files}) == 7
    assert all(len(file.sha256) == 64 and len(file.mirrors) == 2 for file in files)
    assert all(url.startswith("https://") and url.endswith("/") for file in files for url in file.mirrors)


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content))


def test_a_folder_is_read_in_the_courses_layout(tmp_path):
    write(tmp_path, "diabetes/diabetes.csv.gz", b"1,2,3,4,5,6,7,8,0\n8,7,6,5,4,3,2,1,1\n")
    write(tmp_path, "names/names_train.csv.gz", CONTENT)
    write(tmp_path, "names/names_test.csv.gz", CONTENT * 2)
    for part, n in (("train", 3), ("t10k", 2)):
        write(tmp_path, f"mnist/{part}-images-idx3-ubyte.gz", idx(np.full((n, 4, 4), 255)))
        write(tmp_path, f"mnist/{part}-labels-idx1-ubyte.gz", idx(np.arange(n)))
    setting = Setting(data=tmp_path)
    diabetes, names, digits = data.load_diabetes(setting), data.load_names(setting), data.load_digits(setting)
    assert diabetes.inputs.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]]
    assert diabetes.target.tolist() == [[0], [1]]
    assert (len(names.train), len(names.test), names.test[1]) == (1, 2, ("Adsit", "Czech"))
    assert digits.train.shape == (3, 1, 4, 4)
    assert digits.test.unique().tolist() == [1.0]
    assert digits.train_labels.tolist() == [0, 1, 2]
    assert not diabetes.is_stand_in
    assert not names.is_stand_in
    assert not digits.is_stand_in


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("tables", "images"),
    [
        (("diabetes/", "names/"), "mnist/"),
        (("", ""), "MNIST/raw/"),  # the notes' own folder, torchvision's
        (("", ""), "mnist/MNIST/raw/"),  # torchvision's root is mnist, as in the notes
        (("", ""), ""),
    ],
)
def test_a_folder_may_be_laid_out_as_the_notes_or_torchvision_do(tmp_path, tables, images, packed):
    files = {
        f"{tables[0]}diabetes.csv": b"1,2,3,4,5,6,7,8,0\n",
        f"{tables[1]}names_train.csv": CONTENT,
        f"{tables[1]}names_test.csv": CONTENT,
    }
    for part, n in (("train", 3), ("t10k", 2)):
        files[f"{images}{part}-images-idx3-ubyte"] = idx(np.zeros((n, 4, 4)))
        files[f"{images}{part}-labels-idx1-ubyte"] = idx(np.arange(n))
    for place, content in files.items():
        if packed:
            write(tmp_path, f"{place}.gz", content)
        else:
            (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / place).write_bytes(content)
    said = []
    setting = Setting(data=tmp_path, say=said.append)
    assert data.load_diabetes(setting).inputs.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]
    assert data.load_names(setting).test == (("Adsit", "Czech"),)
    assert data.load_digits(setting).test_labels.tolist() == [0, 1]
    assert said[-1] == f"data: folder {tmp_path / images}"
    as_a_program_reads = data.files_for_program("mnist", setting).contents
    assert as_a_program_reads["mnist/t10k-labels-idx1-ubyte"] == idx(np.arange(2))


def test_the_courses_own_place_comes_first(tmp_path):
    write(tmp_path, "diabetes.csv.gz", b"8,7,6,5,4,3,2,1,1\n")
    write(tmp_path, "diabetes/diabetes.csv.gz", b"1,2,3,4,5,6,7,8,0\n")
    assert data.load_diabetes(Setting(data=tmp_path)).target.tolist() == [[0]]


@pytest.mark.parametrize(
    ("name", "content", "load"),
    [
        ("diabetes/diabetes.csv.gz", b"1,2,3\n", data.load_diabetes),
        ("diabetes/diabetes.csv.gz", b"1,2,3,4,5,6,7,8,2\n", data.load_diabetes),
        ("diabetes/diabetes.csv.gz", b"a,b\n", data.load_diabetes),
        ("names/names_train.csv.gz", b"Ada\n", data.load_names),
        ("names/names_train.csv.gz", b",Czech\n", data.load_names),
        ("names/names_train.csv.gz", '"M\u00fcller","German"\n'.encode("latin-1"), data.load_names),
        ("names/names_train.csv.gz", b"Ada,Irish\n", data.load_names),  # the test name is Czech
    ],
)
def test_a_file_that_is_another_table_is_refused(tmp_path, name, content, load):
    write(tmp_path, "names/names_test.csv.gz", CONTENT)
    write(tmp_path, name, content)
    with pytest.raises(DataError, match="diabetes|names"):
        load(Setting(data=tmp_path))


def test_a_folder_without_the_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"diabetes\.csv\.gz is not there; also looked .* diabetes/diabetes\.csv, dia"):
        data.load_diabetes(Setting(data=tmp_path))
    with pytest.raises(DataError, match="MNIST/raw/train-images-idx3-ubyte,"):
        data.load_digits(Setting(data=tmp_path))
    (tmp_path / "diabetes").mkdir()
    (tmp_path / "diabetes" / "diabetes.csv.gz").write_bytes(b"plain")
    with pytest.raises(DataError, match="cannot be unpacked"):
        data.load_diabetes(Setting(data=tmp_path))


def test_images_and_labels_of_different_lengths_are_refused(tmp_path):
    for part in ("train", "t10k"):
        write(tmp_path, f"mnist/{part}-images-idx3-ubyte.gz", idx(np.zeros((3, 4, 4))))
        write(tmp_path, f"mnist/{part}-labels-idx1-ubyte.gz", idx(np.arange(2)))
    with pytest.raises(DataError, match=r"images \(3, 4, 4\) and labels \(2,\)"):
        data.load_digits(Setting(data=tmp_path))


def test_stand_ins_are_the_same_each_time_and_look_like_the_files():
    rows = made_diabetes()
    assert np.array_equal(rows, made_diabetes())
    assert rows.shape == (600, 9)
    assert 0.6 < rows[:, 8].mean() < 0.75
    train, test = made_names()
    assert (train, test) == made_names()
    assert {country for _, country in test} == {country for _, country in train}
    assert all(name.isascii() for name, _ in train + test)


def rows_of(images):
    return {image.numpy().tobytes() for image in images}


def test_the_digits_to_learn_and_to_test_are_disjoint():
    digits = data.load_digits(Setting(stand_in=True))
    assert (len(digits.train), len(digits.test)) == (1200, 597)
    assert not rows_of(digits.train) & rows_of(digits.test)
    assert (digits.train.min(), digits.train.max()) == (0, 1)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_courses_files_are_those_of_the_checksums(real_data):
    for files in (fetching.DIABETES, fetching.NAMES, fetching.MNIST):
        for content, file in zip(fetching.from_folder(files, real_data), files, strict=True):
            assert hashlib.sha256(content).hexdigest() == file.sha256


@pytest.mark.slow
@pytest.mark.real_data
def test_mnist_is_what_it_should_be_and_its_sets_are_disjoint(real_data):
    digits = data.load_digits(Setting(data=real_data))
    assert digits.train.shape == (60000, 1, 28, 28)
    assert digits.test.shape == (10000, 1, 28, 28)
    assert digits.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert not rows_of(digits.train) & rows_of(digits.test)


@pytest.mark.slow
@pytest.mark.real_data
def test_diabetes_and_names_have_the_published_counts(real_data):
    setting = Setting(data=real_data)
    diabetes, names = data.load_diabetes(setting), data.load_names(setting)
    assert (len(diabetes.target), int(diabetes.target.sum())) == (759, 496)
    assert (len(names.train), len(names.test), len({country for _, country in names.train})) == (13374, 6700, 18)
    seen = set(names.train)
    shared = [pair for pair in names.test if pair in seen]
    assert (len(shared), len(set(shared))) == (773, 201)  # rows, and different ones among them
