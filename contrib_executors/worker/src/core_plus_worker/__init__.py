"""The worker: where model-written code runs, and the host's half that talks with it.

An executor starts a worker somewhere (a `Process`: a byte stream and ways to stop it) and gives it to a
`WorkerSession`. `LocalProcess` starts one on this machine, behind no wall.
"""

from core_plus_worker.inside.codec import Codec
from core_plus_worker.inside.records import CodecError, Failure, Opaque, Record
from core_plus_worker.link import Process
from core_plus_worker.process import LocalProcess
from core_plus_worker.session import WorkerSession
from core_plus_worker.source import boot, payload

__all__ = [
    "Codec",
    "CodecError",
    "Failure",
    "LocalProcess",
    "Opaque",
    "Process",
    "Record",
    "WorkerSession",
    "boot",
    "payload",
]
