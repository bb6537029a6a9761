"""What happens when modules are imported: alone, with warnings as errors, watched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from house_rules import import_probe
from house_rules.tree import Distribution, Tree

# Packages that take long to import or are large: a plugin may need them, but not before it is used.
HEAVY = (
    "accelerate",
    "anthropic",
    "docker",
    "google.genai",
    "gradio",
    "huggingface_hub",
    "litellm",
    "llama_cpp",
    "mcp",
    "mlx",
    "modal",
    "numpy",
    "openai",
    "opentelemetry",
    "pandas",
    "PIL",
    "pydantic",
    "ray",
    "requests",
    "rich",
    "sentence_transformers",
    "torch",
    "transformers",
    "vllm",
)


def modules_import_alone(tree: Tree, distribution: Distribution) -> Iterator[str]:
    """Every module can be imported first of all, says nothing, and raises no warning."""
    return _probe(tree, (each.module for each in distribution.modules if _importable(each.module)), warnings=True)


def plugins_load_light(tree: Tree, distribution: Distribution) -> Iterator[str]:
    """What is imported to find out what a plugin offers brings no heavy package."""
    return _probe(tree, _first_imports(distribution), heavy=HEAVY)


def nothing_happens_at_import(tree: Tree, distribution: Distribution) -> Iterator[str]:
    """No file, socket, thread or process: in all of the kernel, and in what a host imports of a plugin."""
    all_of_it = (each.module for each in distribution.modules if _importable(each.module))
    return _probe(tree, all_of_it if distribution.is_kernel else _first_imports(distribution), watch=True)


def _importable(module: str) -> bool:
    """Whether importing it isn't running it."""
    return not module.endswith("__main__")


def _first_imports(distribution: Distribution) -> set[str]:
    return {distribution.package, *(target.partition(":")[0] for target in distribution.entry_points.values())}


def _probe(tree: Tree, modules: Iterable[str], **wanted: Any) -> Iterator[str]:
    paths = [str(each.src) for each in tree.distributions]
    request = {"paths": paths, "modules": sorted(modules), **wanted}
    done = subprocess.run(
        [sys.executable, "-P", "-B", str(Path(import_probe.__file__))],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    if done.returncode:
        raise RuntimeError(f"the import probe failed with status {done.returncode}: {done.stderr}")
    culprits: dict[str, list[str]] = {}
    for module, lines in json.loads(done.stdout).items():
        for line in lines:
            culprits.setdefault(line.removeprefix(f"{tree.top}/"), []).append(module)
    for line, found in culprits.items():
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield f"{line} (when {', '.join(found[:3])}{more} is imported)"
