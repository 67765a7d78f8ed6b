"""Who looks on while tasks are elsewhere: an error here, and a cluster that all workers have left, end them."""

import queue
import threading
import time
from collections.abc import Callable

EVERY = 1.0  # seconds between two looks; one asks the scheduler for its workers
END = 10.0  # seconds in which the last look has to end


class Watch(threading.Thread):
    """Calls `stop` at the first error, which it keeps: one that is given to it, or `deserted`, `seconds` after workers.

    Waiting for tasks cannot tell either: an error of whoever hears of epochs comes in a thread of Dask's, and a task
    that no worker takes waits for ever.
    """

    def __init__(
        self, has_workers: Callable[[], bool], seconds: float, deserted: Exception, stop: Callable[[], None]
    ) -> None:
        super().__init__(daemon=True, name="watches a cluster")
        self._has_workers, self._seconds, self._deserted, self._stop_all = has_workers, seconds, deserted, stop
        self._news = queue.SimpleQueue[BaseException | None]()
        self.error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """End all with an error."""
        self._news.put(error)

    def end(self) -> None:
        """Look no more; what has failed by now is in `error`."""
        self._news.put(None)
        self.join(END)

    def run(self) -> None:
        """Look until there is an error, or until the end."""
        seen = time.monotonic()
        while True:
            try:
                self.error = self._news.get(timeout=EVERY)
                break
            except queue.Empty:
                if self._has_workers():
                    seen = time.monotonic()
                elif time.monotonic() - seen >= self._seconds:
                    self.error = self._deserted
                    break
        if self.error is not None:
            self._stop_all()
