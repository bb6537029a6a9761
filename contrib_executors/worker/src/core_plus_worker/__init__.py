"""The worker: where model-written code runs, and the host's half that talks with it.

An executor starts a worker somewhere (a `Process`: a byte stream and ways to stop it) and gives it to a
`WorkerSession`. `LocalProcess` starts one on this machine, behind no wall; `CommandProcess` reaches one through a
command such as `docker exec -i`, `StreamProcess` through calls, such as those of a service's SDK.
"""

from core_plus_worker.command import CommandProcess
from core_plus_worker.inside.codec import Codec
from core_plus_worker.inside.records import CodecError, Failure, Opaque, Record
from core_plus_worker.link import Process
from core_plus_worker.live import live
from core_plus_worker.process import LocalProcess
from core_plus_worker.session import WorkerSession
from core_plus_worker.source import boot, payload, worker_command
from core_plus_worker.stream import StreamProcess

__all__ = [
    "Codec",
    "CodecError",
    "CommandProcess",
    "Failure",
    "LocalProcess",
    "Opaque",
    "Process",
    "Record",
    "StreamProcess",
    "WorkerSession",
    "boot",
    "live",
    "payload",
    "worker_command",
]
