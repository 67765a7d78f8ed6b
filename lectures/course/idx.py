"""IDX, the format of MNIST: a magic number, the length of each axis, then the bytes.

Source: the description on the MNIST page. Magic: two zero bytes, the type (8 is unsigned byte), the
number of axes. Lengths are 4 bytes each, the most significant first.
"""

import math
import struct

import torch
from torch import Tensor

from pipelines.errors import DataError

UNSIGNED_BYTE = 8


def parse_idx(data: bytes, name: str = "the file") -> Tensor:
    """The uint8 tensor that an IDX file holds, of the shape that it names.

    Raises: DataError when the magic number, the type, the axes or the length are not those of the format.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    tensor([7, 9], dtype=torch.uint8)
    """
    if len(data) < 4 or data[:2] != b"\0\0":
        raise _broken(name, f"it begins with {data[:4].hex(' ') or 'nothing'}, not with 00 00")
    kind, n_axes = data[2], data[3]
    if kind != UNSIGNED_BYTE or n_axes == 0:
        raise _broken(name, f"type {kind} with {n_axes} axes; expected unsigned bytes (8) and at least one axis")
    start = 4 + 4 * n_axes
    if len(data) < start:
        raise _broken(name, f"it ends after {len(data)} bytes, inside the header")
    shape = struct.unpack(f">{n_axes}I", data[4:start])
    if 0 in shape:
        raise _broken(name, f"shape {shape} holds nothing")
    if len(data) - start != math.prod(shape):
        raise _broken(name, f"shape {shape} needs {math.prod(shape)} bytes, {len(data) - start} are there")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=start).reshape(shape)


def as_idx(values: Tensor) -> bytes:
    """The IDX file of a uint8 tensor.

    >>> parse_idx(as_idx(torch.tensor([[7], [9]], dtype=torch.uint8))).tolist()
    [[7], [9]]
    """
    header = struct.pack(f">BBBB{values.dim()}I", 0, 0, UNSIGNED_BYTE, values.dim(), *values.shape)
    return header + values.contiguous().numpy().tobytes()


def _broken(name: str, what: str) -> DataError:
    return DataError(
        f"{name} is not a whole IDX file: {what}",
        "fetch the file again, or point --data to a good copy",
        "请重新下载该文件，或用 --data 指向完好的副本",
    )
