"""One agent, a hundred runs at once on one event loop: an agent holds settings only, each run has its own state."""

import asyncio
import time

from core_plus import ToolCallingAgent, tool


@tool(effect="read")
async def length(word: str) -> int:
    """The number of letters.

    Args:
        word: Any word.
    """
    await asyncio.sleep(0.05)  # something slow that others needn't wait for
    return len(word)


async def main() -> None:
    """Run them all."""
    agent = ToolCallingAgent(tools=[length])
    began = time.perf_counter()
    results = await asyncio.gather(*(agent.arun(f"How long is the word tea? ({n})") for n in range(100)))
    print(f"{sum(result.answered for result in results)} runs answered, the first with {results[0].output!r}")
    print(f"{sum(result.usage.calls for result in results)} model calls in {time.perf_counter() - began:.1f} s")

    async for event in agent.astream("How long is the word tea?"):  # or see what happens while it happens
        print(type(event).__name__, end=" ")
    print()


asyncio.run(main())
