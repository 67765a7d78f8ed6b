"""MNIST's file format: a magic number, the shape, then bytes. Source: the format's description by Y. LeCun."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

from pipelines.errors import DataError

BYTES = 0x08  # the type code of unsigned bytes


def read_idx(path: Path) -> Tensor:
    """The uint8 tensor in a gzip-compressed IDX file; its shape is the file's.

    Raises: DataError for a file that is no gzip, no IDX of bytes, or not as long as its shape says.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _broken(path, f"it is no whole gzip file ({error})") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != BYTES:
        raise _broken(path, f"it begins with {content[:4].hex()}, not with 000008 and the number of axes")
    n_axes = content[3]
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise _broken(path, f"it ends inside the shape of {n_axes} axes")
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise _broken(path, f"its shape {shape} asks for {math.prod(shape)} bytes, it holds {len(content) - start}")
    return torch.frombuffer(bytearray(content[start:]), dtype=torch.uint8).reshape(shape)


def _broken(path: Path, what: str) -> DataError:
    return DataError(f"{path.name}: {what}", "remove the file and fetch it again", "请删除该文件后重新下载")
