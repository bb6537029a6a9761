"""Times snippets in smolagents' LocalPythonExecutor: started by `executors.py`, with a Python that has smolagents.

Reads lines of JSON with `code` (null: a fresh executor and `1 + 1`) and `times`. Writes for each a line with the
seconds of every time, or with a text that says why there are none.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any


def main() -> None:
    """Answer orders up to the end of the input."""
    local: Any = importlib.import_module("smolagents.local_python_executor")
    text = "x" * (10 << 20)
    tools = {**local.BASE_PYTHON_TOOLS, "same": lambda item: item, "give": lambda: text}

    def fresh() -> Any:
        executor = local.LocalPythonExecutor(additional_authorized_imports=[], timeout_seconds=None)
        executor.send_tools(tools)
        return executor

    executor = fresh()
    for line in sys.stdin:
        order = json.loads(line)
        took, code = list[float](), order["code"]
        try:
            for _ in range(order["times"]):
                began = time.perf_counter()
                (executor if code else fresh())(code or "1 + 1")
                took.append(time.perf_counter() - began)
            print(json.dumps(took), flush=True)
        except Exception as error:
            print(json.dumps(f"{type(error).__name__}: {error}"[:60]), flush=True)


if __name__ == "__main__":
    main()
