"""How many threads torch computes with in each of ours: a lane with its share, all others with all.

PyTorch hands the number that one thread sets to every thread that begins later; nothing takes it back there.
"""

import threading

import torch


class ThreadShares:
    """The shares of the threads of this process."""

    def __init__(self) -> None:
        """Leave all as it is, until a lane takes a share."""
        self._all = 0  # how many there were before; 0: no lane took a share
        self._first = threading.Lock()
        self._of_thread = threading.local()

    def take(self, threads: int) -> None:
        """Have this thread, a lane, compute with so many from here on."""
        with self._first:
            self._all = self._all or torch.get_num_threads()
        self._of_thread.is_lane = True
        torch.set_num_threads(threads)

    def take_all(self) -> int:
        """Have this thread compute with all, unless it is a lane; return how many all are."""
        if self._all and not hasattr(self._of_thread, "is_lane"):
            torch.set_num_threads(self._all)
        return self._all or torch.get_num_threads()


SHARES = ThreadShares()
