"""The cell of a notebook that gets the course's files: `get_file` as it stands here, the table of `fetching`, a call.

A notebook leaves this repository and takes its data along by this cell: nothing but the standard library.
"""

import gzip
import hashlib
import http.client
import inspect
import urllib.request
import zlib
from pathlib import Path

from lectures.course.fetching import CHECKSUMS, MIRRORS

KAGGLE = "/kaggle/input"  # where Kaggle's notebooks find what *Add Input* has added

HEAD = """\
# Fetches the course's files, once, and checks them; the other cells are the program as it stands in its file.
# 下载课程的数据文件（只下载一次），并核对校验和；其余各格就是程序文件的原文。
import gzip
import hashlib
import http.client
import sys
import urllib.request
import zlib
from pathlib import Path
"""
TAIL = """\
# In a clone of the repository the command `lecture` keeps its files there, too. 在仓库里，与 lecture 命令共用文件夹。
in_clone = Path("../../lectures/course/data_cell.py").exists()
folder = Path("../../data/lectures" if in_clone else "data/lectures")
for place, checksum in CHECKSUMS.items():
    get_file(folder / place, checksum, MIRRORS, "{kaggle}")
sys.argv = ["lecture", str(folder)]  # the program reads its folder there. 程序从这里得到文件夹
"""


def get_file(path: Path, checksum: str, mirrors: list[str], inputs: str) -> None:
    """Get a file, unless it is there: from Kaggle's inputs, else from a mirror."""  # 已有则不动；先找输入数据，再下载
    if path.exists():
        return
    found = sorted(each for each in Path(inputs).rglob(f"{path.name}*") if each.is_file())
    for address in [each.as_uri() for each in found] + [f"{mirror}{path.name}.gz" for mirror in mirrors]:
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                content = answer.read()
            content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        except (OSError, EOFError, http.client.HTTPException, zlib.error) as error:
            print(f"{address}: {error}")
            continue
        if hashlib.sha256(content).hexdigest() == checksum:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.part")  # whole or not at all. 要么完整，要么没有
            part.write_bytes(content)
            part.replace(path)
            return
        print(f"{address}: another file than the course's. 校验和不符")
    raise SystemExit(
        f"no {path.name}: put it there by hand, as {path}; on Kaggle switch Internet on, or add it as an input. "
        f"没有 {path.name}：请手动放到 {path}；在 Kaggle 上请打开 Internet，或把它添加为输入数据。"
    )


def data_cell(group: str) -> str:
    """The cell's source, for the files of a group.

    >>> data_cell("diabetes").splitlines()[-1][:35]
    'sys.argv = ["lecture", str(folder)]'
    """
    mirrors = "".join(f'    "{mirror}",\n' for mirror in MIRRORS[group])
    checksums = "".join(f'    "{group}/{name}": "{checksum}",\n' for name, checksum in CHECKSUMS[group].items())
    table = f"MIRRORS = [\n{mirrors}]\nCHECKSUMS = {{  # SHA-256, unpacked. 解压之后的\n{checksums}}}\n"
    return "\n".join([HEAD, table, "", inspect.getsource(get_file), "", TAIL.format(kaggle=KAGGLE)]).rstrip("\n")
