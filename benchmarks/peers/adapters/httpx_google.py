"""Floor: the same calls in the dialect of Google, through httpx."""

from dialects import Floor, Google

PACKAGES = ["httpx"]
IMPORT = "import httpx"
SHARED = True
FLOOR = Floor(Google, "")

model, agent, run, arun, stream = FLOOR.model, FLOOR.agent, FLOOR.run, FLOOR.arun, FLOOR.stream
