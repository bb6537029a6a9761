"""Floor: the same calls in the dialect of Responses, through httpx."""

from dialects import Floor, Responses

PACKAGES = ["httpx"]
IMPORT = "import httpx"
SHARED = True
FLOOR = Floor(Responses, "/v1")

model, agent, run, arun, stream = FLOOR.model, FLOOR.agent, FLOOR.run, FLOOR.arun, FLOOR.stream
