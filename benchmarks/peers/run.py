"""Measures every adapter side by side and writes one table, as JSON and as Markdown.

    python run.py --venvs DIR --install            one venv per adapter, DIR/ADAPTER
    python run.py --venvs DIR --out DIR2 [--only raw,httpx,...] [--tasks import,times,...]

Rounds go through all adapters before any is repeated, so what else the machine
is doing falls on all alike. An adapter is measured again in each of --rounds
rounds until it has used --budget seconds of a task; `n` says how often it was.
The server runs in its own process, started here.
"""

import argparse
import ast
import json
import pathlib
import subprocess
import sys
import time

from table import table

HERE = pathlib.Path(__file__).parent
TOP = HERE.parent.parent
ORDER = ["raw", "httpclient", "httpx", "httpx_anthropic", "httpx_google", "httpx_responses", "core_plus"]
TASKS = {
    "size": None,
    "import": None,
    "times": ["times"],
    "flat": ["flat", "8000"],
    "long": ["long", "200"],
    "crowd100": ["crowd", "100"],
    "agents": ["agents", "10000"],
    "crowd1000": ["bigcrowd", "1000"],
}
PROBE = """
import time, pathlib, resource, json
def rss(): return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
r, w, c = rss(), time.perf_counter(), time.process_time()
{0}
w, c = time.perf_counter() - w, time.process_time() - c
import sys
print(json.dumps(dict(wall=w, cpu=c, rss=rss() - r, modules=len(sys.modules))))
"""


def constant(name, key):
    """A literal an adapter's file assigns, read without importing what it needs."""
    for node in ast.parse((HERE / "adapters" / f"{name}.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == key:
            return ast.literal_eval(node.value)
    raise SystemExit(f"adapters/{name}.py doesn't say its {key}")


def adapters():
    found = {p.stem for p in (HERE / "adapters").glob("*.py")} - {"__init__"}
    return [n for n in ORDER if n in found] + sorted(found - set(ORDER))


def python(venvs, name):
    path = venvs / name / "bin" / "python"
    return str(path if path.exists() else sys.executable)


def install(venvs, names):
    for name in names:
        packages = constant(name, "PACKAGES")
        subprocess.run([sys.executable, "-m", "venv", venvs / name], check=True)
        if packages:
            subprocess.run([python(venvs, name), "-m", "pip", "install", "-q", *packages], check=True, cwd=TOP)


def size(venvs, name):
    """Distributions and bytes in the venv, without the installer, and the versions."""
    if not constant(name, "PACKAGES"):
        return {"distributions": 0, "bytes": 0, "versions": {}}
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = pathlib.Path(subprocess.check_output([python(venvs, name), "-c", code], text=True).strip())
    tools = ("pip", "setuptools", "_distutils_hack", "pkg_resources", "distutils-precedence")
    tops = [p for p in site.iterdir() if not p.name.startswith(tools)]
    files = [f for top in tops for f in ([top] if top.is_file() else top.rglob("*")) if f.is_file()]
    names = [p.name.removesuffix(".dist-info").rsplit("-", 1) for p in tops if p.suffix == ".dist-info"]
    return {"distributions": len(names), "bytes": sum(f.stat().st_size for f in files), "versions": dict(names)}


def importing(venvs, name, times=10):
    """What the import costs: the least of ten fresh processes, pages cached."""
    code = PROBE.format(constant(name, "IMPORT"))
    command = [python(venvs, name), "-W", "ignore", "-c", code]
    probes = [json.loads(subprocess.check_output(command, text=True).splitlines()[-1]) for _ in range(times)]
    return {key: min(p[key] for p in probes) for key in probes[0]}


def work(venvs, name, url, arguments, timeout):
    command = [python(venvs, name), "-W", "ignore", str(HERE / "worker.py"), name, url, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=HERE, check=False)
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"over {timeout} s"}
    except (IndexError, ValueError):
        return {"error": done.stderr[-600:]}


def measure(options, names, tasks, url, results, save):
    for task in tasks:
        arguments, used = TASKS[task], dict.fromkeys(names, 0.0)
        for _ in range(1 if arguments is None else options.rounds):
            for name in names:
                kept = results.setdefault(name, {}).setdefault(task, [])
                if used[name] > options.budget or (kept and "error" in kept[-1]):
                    continue
                start = time.monotonic()
                if task == "size":
                    kept[:] = [size(options.venvs, name)]
                elif task == "import":
                    kept[:] = [importing(options.venvs, name)]
                else:
                    kept.append(work(options.venvs, name, url, arguments, options.timeout))
                used[name] += time.monotonic() - start
                print(
                    f"{task} {name} {time.monotonic() - start:.1f}s {str(kept[-1].get('error', ''))[:200]}", flush=True
                )
                save()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--venvs", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("results"))
    parser.add_argument("--only", help="adapters, comma-separated")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=60)
    parser.add_argument("--timeout", type=float, default=300)
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else adapters()
    if options.install:
        install(options.venvs, names)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    server = subprocess.Popen([sys.executable, HERE / "server.py"], stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        measure(options, names, options.tasks.split(","), url, results, lambda: path.write_text(json.dumps(results)))
    finally:
        server.terminate()
    (options.out / "results.md").write_text(table(results))


if __name__ == "__main__":
    main()
