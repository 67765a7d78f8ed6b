"""unpacking / 把打包的序列还原

What comes out of an RNN is packed as its input was. To see it row by row, it has to be unpacked.

RNN 的输出与输入一样是打包的。要逐个序列查看，就得还原。

Task: from `data`, one list, and `batch_sizes`, the number of rows at each step, return the list of sequences, the
longest first, without padding.

任务：由 `data`（一个列表）和 `batch_sizes`（每一步有几个数），返回还原后的序列组成的列表，最长的在前，不含填充。

Hint: there are `batch_sizes[0]` sequences: begin with as many empty lists.

提示：共有 `batch_sizes[0]` 个序列：先准备这么多个空列表。

Hint: the first `size` lists get the next `size` numbers, step by step.

提示：每一步，前 `size` 个列表依次得到接下来的 `size` 个数。

Next: `pad_packed_sequence` returns the lengths too. How can they be read off batch_sizes?

试一试：`pad_packed_sequence` 还会返回长度。怎样从 batch_sizes 看出各序列的长度？
"""


def unpack(data, batch_sizes):
    # --- your lines begin 从这里开始写
    sequences = [[] for _ in range(batch_sizes[0])]
    start = 0
    for size in batch_sizes:
        for row in range(size):
            sequences[row].append(data[start + row])
        start += size
    return sequences
    # --- your lines end 写到这里为止
