"""packing sequences / 打包长短不一的序列

A packed sequence holds, step by step, only the rows that still go on: no padding is computed.

打包序列按时间步排列，每一步只保留还没结束的序列，不计算填充。

Task: `sequences` are lists of numbers, the longest first. Return (data, batch_sizes): first all first numbers, then all
second ones, and so on, in one list; and how many there are at each step.

任务：`sequences` 是若干数字列表，最长的在前。返回 (data, batch_sizes)：先放所有序列的第一个数，再放所有的第二个数，
依此类推，放进一个列表；以及每一步有几个数。

Hint: the longest is the first, so there are `len(sequences[0])` steps.

提示：第一个最长，所以共有 `len(sequences[0])` 步。

Hint: at step t take part those with `len(sequence) > t`.

提示：第 t 步只有 `len(sequence) > t` 的序列参加。

Next: give the same to `torch.nn.utils.rnn.pack_sequence`. What do `sorted_indices` say with enforce_sorted=False?

试一试：把同样的数据交给 `torch.nn.utils.rnn.pack_sequence`。enforce_sorted=False 时 `sorted_indices` 是什么？
"""


def pack(sequences):
    # --- your lines begin 从这里开始写
    data, batch_sizes = [], []
    for t in range(len(sequences[0])):
        step = [sequence[t] for sequence in sequences if len(sequence) > t]
        data += step
        batch_sizes.append(len(step))
    return data, batch_sizes
    # --- your lines end 写到这里为止
