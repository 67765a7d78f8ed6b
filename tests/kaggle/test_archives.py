"""Archives that must not be extracted, and the command that is given one."""

import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from stand_in import make_zip

from pipelines.data.archives import DamagedArchiveError, HostileArchiveError, Limits, extract

NAMES = {
    "../evil.csv": "leads out",
    "a/../../evil.csv": "leads out",
    "./evil.csv": "leads out",
    "a//evil.csv": "leads out",
    "/etc/evil.csv": "absolute path",
    "C:/evil.csv": "drive",
    "..\\evil.csv": "backslash",
    "a\\evil.csv": "backslash",
    "evil\n.csv": "control character",
    "nul.csv": "not every system",
    "evil.csv.": "not every system",
    "evil /x.csv": "not every system",
}


def write(path, *members):
    """A zip of (name or ZipInfo, content) pairs, duplicates and all."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members:
            archive.writestr(name, content)
    return path


def special(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names(tmp_path, name):
    path = write(tmp_path / "a.zip", ("good.csv", b"1"), (name, b"2"))
    with pytest.raises(HostileArchiveError, match=NAMES[name]):
        extract(path, tmp_path / "inside" / "out")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path, kind):
    path = write(tmp_path / "a.zip", (special("evil.csv", kind | 0o777), b"/etc/passwd"))
    with pytest.raises(HostileArchiveError, match=r"evil.csv' is a link or a device"):
        extract(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("a.csv", "a.csv", "occurs twice"),
        ("a.csv", "A.CSV", "occurs twice"),
        ("caf\u00e9.csv", "cafe\u0301.csv", "occurs twice"),
        ("a", "a/b.csv", "a file as well"),
        ("a/b.csv", "a", "occurs twice"),
    ],
)
def test_names_that_meet(tmp_path, first, second, why):
    path = write(tmp_path / "a.zip", (first, b"1"), (second, b"2"))
    with pytest.raises(HostileArchiveError, match=why):
        extract(path, tmp_path / "out")


def test_bombs_by_ratio_total_number_and_depth(tmp_path):
    zeros = bytes(4 * 2**20)
    bomb = write(tmp_path / "ratio.zip", ("a.csv", zeros))
    with pytest.raises(HostileArchiveError, match="grows more than 200 times"):
        extract(bomb, tmp_path / "1")
    with pytest.raises(HostileArchiveError, match="would grow to 4194304 bytes, more than the 1000"):
        extract(bomb, tmp_path / "2", Limits(total=1000))
    many = write(tmp_path / "many.zip", *((f"{n}.csv", b"") for n in range(11)))
    with pytest.raises(HostileArchiveError, match="holds 11 members"):
        extract(many, tmp_path / "3", Limits(members=10))
    deep = make_zip({"b.zip": make_zip({"c.zip": make_zip({"d.csv": b"1"})})})
    with pytest.raises(HostileArchiveError, match="nests archives too deep"):
        extract(write(tmp_path / "deep.zip", ("a.zip", deep)), tmp_path / "4")


def test_nested_archives_share_one_budget(tmp_path):
    inner = make_zip({"a.csv": b"x" * 600}, zipfile.ZIP_STORED)
    path = write(tmp_path / "a.zip", ("a.csv.zip", inner), ("b.csv", b"y" * 600))
    with pytest.raises(HostileArchiveError, match="more than the 100 that are allowed"):
        extract(path, tmp_path / "out", Limits(total=600 + len(inner) + 100))


def test_an_understated_size_gives_no_more_than_it_says(tmp_path):
    data = bytearray(make_zip({"a.csv": bytes(range(256)) * 40}))
    central = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 10)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DamagedArchiveError, match=r"a.zip is damaged"):
        extract(tmp_path / "a.zip", tmp_path / "out")
    assert (tmp_path / "out" / "a.csv").stat().st_size <= 10


def test_a_bad_checksum_and_no_zip_at_all(tmp_path):
    data = bytearray(make_zip({"a.csv": b"abcdefgh"}, zipfile.ZIP_STORED))
    data[data.index(b"abcdefgh")] ^= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DamagedArchiveError, match="Bad CRC"):
        extract(tmp_path / "a.zip", tmp_path / "out")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(DamagedArchiveError, match="not a zip file"):
        extract(tmp_path / "b.zip", tmp_path / "out2")


def test_nested_archives_give_their_files_in_their_own_place(tmp_path):
    path = write(
        tmp_path / "a.zip",
        ("train.csv.zip", make_zip({"train.csv": b"1"})),
        ("sub/test.csv.zip", make_zip({"test.csv": b"2"})),
        ("sub/empty/", b""),
        ("__MACOSX/._train.csv", b"3"),
    )
    extract(path, tmp_path / "out")
    files = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*")}
    assert files == {"train.csv", "sub", "sub/test.csv", "sub/empty"}
    assert (tmp_path / "out/sub/test.csv").read_bytes() == b"2"


def test_a_nested_archive_does_not_replace_a_file(tmp_path):
    path = write(tmp_path / "a.zip", ("train.csv", b"1"), ("train.csv.zip", make_zip({"train.csv": b"2"})))
    with pytest.raises(HostileArchiveError, match="which is there already"):
        extract(path, tmp_path / "out")


NESTED = {  # zips inside -> where their members lie
    "images": ({"train.zip": ["1.jpg", "2.jpg"], "test.zip": ["3.jpg"]}, ["test/3.jpg", "train/1.jpg", "train/2.jpg"]),
    "images of one name": ({"train.zip": ["1.jpg"], "test.zip": ["1.jpg"]}, ["test/1.jpg", "train/1.jpg"]),
    "folders of one name": ({"train.zip": ["i/1.jpg"], "test.zip": ["i/1.jpg"]}, ["test/i/1.jpg", "train/i/1.jpg"]),
    "folders of their own name": (
        {"train.zip": ["train/1.jpg"], "b/test.zip": ["test/1.jpg"]}, ["b/test/1.jpg", "train/1.jpg"]
    ),
    "a csv of its own name": ({"train.zip": ["train.csv"], "TEST.csv.zip": ["Test.csv"]}, ["Test.csv", "train.csv"]),
    "a csv among others": ({"train.csv.zip": ["train.csv", "README"]}, ["train/README", "train/train.csv"]),
    "one file of another name": (
        {"train.zip": ["labels.csv"], "test.zip": ["labels.csv"]}, ["test/labels.csv", "train/labels.csv"]
    ),
    "a folder of that name beside": ({"train.zip": ["1.jpg"], "Train/1.jpg": []}, ["Train/1.jpg", "train.zip/1.jpg"]),
    "its own folder beside": (
        {"train.zip": ["train/1.jpg"], "train/1.jpg": []}, ["train.zip/train/1.jpg", "train/1.jpg"]
    ),
    "nothing": ({"train.zip": [], "a.csv": []}, ["a.csv"]),
}  # fmt: skip


@pytest.mark.parametrize("case", NESTED)
def test_members_of_nested_archives_do_not_mix(case, tmp_path):
    inside, wanted = NESTED[case]
    files = {
        n: make_zip({m: f"{n}:{m}".encode() for m in ms}) if n.endswith("zip") else b"" for n, ms in inside.items()
    }
    extract(write(tmp_path / "a.zip", *files.items()), tmp_path / "out")
    found = {p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert sorted(found) == wanted
    said = {path.read_text() for path in found.values()} - {""}
    assert said == {f"{name}:{member}" for name, members in inside.items() for member in members}


def test_a_nested_archive_of_a_file_that_is_there_already_and_the_same(tmp_path):
    path = write(tmp_path / "a.zip", ("train.csv", b"1"), ("train.csv.zip", make_zip({"train.csv": b"1"})))
    extract(path, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["train.csv"]


def test_the_expected_files_come_to_the_top_from_wherever_the_archive_has_them(site, cli, titanic_files):
    train, test, sample = sorted(titanic_files, key=["train.csv", "test.csv", "gender_submission.csv"].index)
    site.archives["titanic"] = make_zip(
        {
            "train.zip": make_zip({train: titanic_files[train], "1.jpg": b"a"}),
            "test.zip": make_zip({test: titanic_files[test], "1.jpg": b"b"}),
            f"forms/{sample}": titanic_files[sample],
        }
    )
    assert cli("data", "titanic").code == 0
    folder = Path("data/titanic")
    assert {name: (folder / name).read_bytes() for name in titanic_files} == titanic_files
    assert [(folder / part / "1.jpg").read_bytes() for part in ("train", "test")] == [b"a", b"b"]
    assert "nothing to download" in cli("data", "titanic").text


HOSTILE = {
    "traversal": ("../evil.csv", b"1"),
    "absolute": ("/evil.csv", b"1"),
    "link": (special("link.csv", stat.S_IFLNK | 0o777), b"/etc/passwd"),
    "duplicate": ("train.csv", b"1"),
    "bomb": ("zeros.csv", bytes(4 * 2**20)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_from_the_site_leaves_nothing(site, cli, titanic_files, tmp_path, case):
    path = write(tmp_path / "hostile.zip", *titanic_files.items(), HOSTILE[case])
    site.archives["titanic"] = path.read_bytes()
    done = cli("data", "titanic")
    assert done.code == 2
    assert "nothing was extracted" in done.text
    assert list(tmp_path.rglob("*.csv")) == []
    assert site.count("storage") == 1


def test_a_bad_checksum_from_the_site_is_fetched_once_more_and_then_refused(site, cli, titanic_files):
    data = bytearray(make_zip(titanic_files, zipfile.ZIP_STORED))
    data[len(data) // 2] ^= 1
    site.archives["titanic"] = bytes(data)
    done = cli("data", "titanic")
    assert (done.code, site.count("storage")) == (2, 2)
    assert "Bad CRC" in done.text
    assert not Path("data/titanic").exists()
    assert not list(Path("data").rglob("*.part"))
