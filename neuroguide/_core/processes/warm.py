"""A child process that stays for the next task, and is replaced after any fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neuroguide._core.processes.child import Child
from neuroguide._core.processes.tasks import NotBegunError


class WarmChild:
    """Runs tasks in one child after another, each for as long as nothing goes wrong in it.

    Parameters
    ----------
    limits : mapping
        ``threads``, ``time_limit`` and ``memory_limit`` of :class:`~neuroguide._core.processes.child.Child`.
    made, gone : callable, optional
        Called with every new child, and with every child before it is ended.
    """

    def __init__(
        self,
        limits: Mapping[str, Any],
        *,
        made: Callable[[Child], None] = lambda child: None,
        gone: Callable[[Child], None] = lambda child: None,
    ) -> None:
        self._limits = dict(limits)
        self._made = made
        self._gone = gone
        self._child: Child | None = None

    def call(self, function: str, spec: Mapping[str, Any], *, time_limit: float | None = None) -> dict[str, Any]:
        """Run one task, within ``time_limit`` seconds if that is given and else within the child's.

        Raises
        ------
        TaskError
            If it fails; the next task gets a new child.
        """
        try:
            while True:
                waited = self._child is not None and self._child.alive
                if self._child is None or not waited:
                    self.close()
                    self._child = Child(**self._limits)
                    self._made(self._child)
                try:
                    return self._child.call(function, spec, time_limit=time_limit)
                except NotBegunError:
                    # one that died while it waited was no task's fault; a new one that did is a fault of its own
                    if not waited:
                        raise
                    self.close()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._gone(self._child)
            self._child.close()
            self._child = None
