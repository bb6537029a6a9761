"""Floor: the same calls in the dialect of Anthropic, through httpx."""

from dialects import Anthropic, Floor

PACKAGES = ["httpx"]
IMPORT = "import httpx"
SHARED = True
FLOOR = Floor(Anthropic, "")

model, agent, run, arun, stream = FLOOR.model, FLOOR.agent, FLOOR.run, FLOOR.arun, FLOOR.stream
