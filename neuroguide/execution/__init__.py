"""Run a candidate or a score somewhere: in this process, in child processes that can be killed, or on a cluster."""

from neuroguide._core.processes.tasks import TaskError
from neuroguide.execution.children import ChildExecutor
from neuroguide.execution.cluster import DaskExecutor
from neuroguide.execution.opening import open_executor
from neuroguide.execution.pool import PoolExecutor
from neuroguide.execution.protocol import Executor
from neuroguide.execution.serial import SerialExecutor

__all__ = ["ChildExecutor", "DaskExecutor", "Executor", "PoolExecutor", "SerialExecutor", "TaskError", "open_executor"]
