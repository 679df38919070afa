"""Run a candidate or a score somewhere: in this process, or in child processes that can be killed."""

from neuroguide.execution.children import ChildExecutor
from neuroguide.execution.opening import open_executor
from neuroguide.execution.protocol import Executor, TaskError
from neuroguide.execution.serial import SerialExecutor

__all__ = ["ChildExecutor", "Executor", "SerialExecutor", "TaskError", "open_executor"]
