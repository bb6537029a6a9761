"""Servers that don't keep the protocol: `broken.py KIND` speaks over stdio, the standard library alone."""

import json
import os
import sys
import time
from pathlib import Path

KIND = sys.argv[1]
TOOL = {"name": "work", "description": "Work.", "inputSchema": {"type": "object", "properties": {}}}


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(request, result):
    say({"jsonrpc": "2.0", "id": request["id"], "result": result})


def tools():
    if KIND == "odd":
        told = {
            "type": "object",
            "properties": {"class": {"type": "string"}, "self": {"type": "string"}},
            "required": ["self"],
        }
        return [{"name": "odd-name/of.tool", "inputSchema": told}]
    if KIND == "schema":
        bad = {
            "name": "bad",
            "description": "Bad.",
            "inputSchema": {"type": "object", "properties": {"x": {"type": "strnig"}}},
        }
        return [bad, TOOL]
    if KIND == "output":
        return [
            {**TOOL, "outputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}
        ]
    return [TOOL]


def listed(request):
    if KIND == "no-schema":
        return {"tools": [{"name": "work"}]}
    if KIND == "pages":
        page = int(request.get("params", {}).get("cursor") or 0)
        found = [{**TOOL, "name": f"work_{page}_{n}"} for n in range(3)]
        return {"tools": found, **({"nextCursor": str(page + 1)} if page < 4 else {})}
    if KIND == "endless":
        page = int(request.get("params", {}).get("cursor") or 0)
        return {"tools": [], "nextCursor": str(page + 1)}
    return {"tools": tools()}


def call(request):
    if KIND == "silent-call":
        return
    if KIND == "dies":
        print("out of memory, says the server", file=sys.stderr, flush=True)
        os._exit(3)
    if KIND == "garbage-call":
        sys.stdout.write("{{{ this is no message\n")
        sys.stdout.flush()
        return
    if KIND == "large":
        size = 50 << 20
        sys.stdout.write('{"result": {"content": [{"type": "text", "text": "')
        for _ in range(size >> 16):
            sys.stdout.write("x" * (1 << 16))
        sys.stdout.write('"}]}, "jsonrpc": "2.0", "id": ' + json.dumps(request["id"]) + "}\n")
        sys.stdout.flush()
        return
    if KIND == "wrong-result":
        answer(request, {"content": "no list"})
        return
    if KIND == "odd":
        answer(request, {"content": [{"type": "text", "text": json.dumps(request["params"]["arguments"])}]})
        return
    if KIND == "output":
        answer(request, {"content": [], "structuredContent": {"n": "three"}})
        return
    answer(request, {"content": [{"type": "text", "text": "worked"}]})


def main():
    if KIND == "garbage":
        print("Welcome to the server!", flush=True)
        print("<html>", flush=True)
    if KIND == "flood":
        while True:
            sys.stdout.write("x" * (1 << 16))
    if KIND == "late":
        while not Path(sys.argv[2]).exists():
            time.sleep(0.02)
    if KIND == "exits":
        print("no configuration found", file=sys.stderr, flush=True)
        sys.exit(7)
    for line in sys.stdin:
        if KIND in ("silent", "garbage"):
            continue
        request = json.loads(line)
        method = request.get("method")
        if method == "initialize":
            facts = {"name": "broken", "version": "1"}
            answer(request, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": facts})
        elif method == "tools/list":
            answer(request, listed(request))
        elif method == "tools/call":
            call(request)
        elif "id" in request:
            say({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "no such method"}})
    if KIND == "stays":
        time.sleep(600)


main()
