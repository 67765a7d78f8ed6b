"""Where groups of jobs, and estimators' fits, are computed: by threads, by processes, on a cluster.

A group goes there as the value that it is, large arrays go there once, and what is finished comes back to the process
that keeps it, which alone writes.

- `threads`: what an executor is; the one that everybody has, threads of this process.
- `sending`: a task packed for elsewhere, what is large in it by name; what comes of it is put by who keeps it.
- `working`: what another process does with such a task.
- `processes`: processes of this computer (joblib's loky), one for each GPU where there are several.
- `orphans`: a process that works for another one ends when that was killed.
- `cluster`: workers of a Dask scheduler, on this computer or on others.
- `watch`: who looks whether there are workers yet, and ends all with an error that comes here.
- `faults`: what can go wrong on the way there, in words.
- `choice`: the executor that was asked for.
"""
