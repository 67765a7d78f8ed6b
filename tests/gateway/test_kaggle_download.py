from pathlib import Path


def test_download(site, cli, titanic_files):
    done = cli("data", "titanic")
    assert done.code == 0
    for name, content in titanic_files.items():
        assert Path("data/titanic", name).read_bytes() == content
