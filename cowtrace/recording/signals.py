"""Signals as a queue: blocked while a recording runs, taken one by one where we wait.

For programs without other threads, as the command line is: a signal to the process goes to any thread that does not block it.
"""

from __future__ import annotations

import signal
from types import TracebackType

#: Asked to stop; the command on the terminal gets SIGINT and SIGQUIT as well.
STOPPING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT})
# include/uapi/asm-generic/siginfo.h: sent by the kernel, here: by the terminal's driver to the whole foreground group
SI_KERNEL = 0x80


class Signals:
    """Blocks the signals that stop a recording, and SIGCHLD, until the end of the ``with`` block.

    Attributes:
        mask_before: What was blocked before; for the command, which starts as we were started.
    """

    def __init__(self) -> None:
        # what the caller told us to ignore (nohup, a background job) stays ignored
        ignored = {number for number in STOPPING if signal.getsignal(number) == signal.SIG_IGN}
        self._waited = {signal.SIGCHLD, *STOPPING} - ignored
        self.mask_before: set[signal.Signals] = set()

    def __enter__(self) -> Signals:
        self.mask_before = {signal.Signals(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, self._waited)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # a second Ctrl-C that came while we cleaned up has nothing left to do
        while self.take(0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask_before)

    def take(self, timeout_s: float) -> signal.struct_siginfo | None:
        """The next signal, or None after the time; SIGCHLD is one of them."""
        return signal.sigtimedwait(self._waited, max(0.0, timeout_s))

    def take_stop(self) -> signal.struct_siginfo | None:
        """A signal to stop that has arrived already, or None."""
        while (info := self.take(0)) is not None:
            if info.si_signo in STOPPING:
                return info
        return None
