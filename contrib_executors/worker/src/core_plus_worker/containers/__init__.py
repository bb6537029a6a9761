"""The worker in containers: what the executors of all engines share, whatever the engine's command is called."""

from core_plus_worker.containers.engine import Engine, missing
from core_plus_worker.containers.executor import ContainerExecutor
from core_plus_worker.containers.settings import Box

__all__ = ["Box", "ContainerExecutor", "Engine", "missing"]
