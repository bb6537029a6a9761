"""An OpenAI-compatible loopback server that answers at once, from a script.

The request names its script in `model`, as KIND-COUNT:

  tools-N       N calls of add(a, b), then a final answer (tools-0 is one-shot)
  final-N       the same, the final answer being a call of final_answer(answer)
  bash-N        N calls of bash(command), then a final answer
  code-N        N code blobs in <code> tags calling add and print, then final_answer
  text-N        a final answer of N tokens (one streamed event each)
  said-N        the same, with a call of final_answer(answer) after the text

Which step a request is at is the number of assistant messages it carries, so
the server keeps no state and every run, concurrent or not, gets its own place
in the script. Replies are built once and written as bytes; the request body
is never parsed as JSON, only scanned. `GET /stats` says what the server cost.

    python server.py [--port 0] [--cpu N]      prints its port, then serves
"""

import argparse
import asyncio
import functools
import json
import os
import re
import resource
import time

ASSISTANT = re.compile(rb'"role"\s*:\s*"assistant"')
MODEL = re.compile(rb'"model"\s*:\s*"(?:[a-z]+/)?([a-z]+)-(\d+)"')
STREAM = re.compile(rb'"stream"\s*:\s*true')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
HEAD = {"id": "chatcmpl-0", "created": 1700000000, "model": "scripted"}
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def turn(kind, count, step):
    """The text and the tool call (name, arguments) of one turn."""
    if kind == "text":
        return "tok " * count, None
    if kind == "said":
        return "tok " * count, ("final_answer", {"answer": "done"})
    if kind == "code":
        if step < count:
            return f"Thought: step {step}.\n<code>\nr = add({step}, 1)\nprint(r)\n</code>", None
        return 'Thought: done.\n<code>\nfinal_answer("done")\n</code>', None
    if step < count:
        if kind == "bash":
            return "", ("bash", {"command": f"echo {step}"})
        return "", ("add", {"a": step, "b": 1})
    if kind == "final":
        return "", ("final_answer", {"answer": "done"})
    if kind == "bash":
        return "", ("bash", {"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"})
    return "done", None


def dumps(value):
    return json.dumps(value, separators=(",", ":")).encode()


@functools.lru_cache(maxsize=10000)
def reply(kind, count, step, stream):
    text, call = turn(kind, count, step)
    reason = "tool_calls" if call else "stop"
    calls = call and [
        {
            "index": 0,
            "id": f"call_{step}",
            "type": "function",
            "function": {"name": call[0], "arguments": json.dumps(call[1])},
        }
    ]
    if not stream:
        message = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = [{k: v for k, v in calls[0].items() if k != "index"}]
        choice = {"index": 0, "message": message, "finish_reason": reason}
        body = dumps({**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE})
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def event(delta, reason=None):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}

    events = [event({"role": "assistant", "content": None if calls else ""})]
    events += [event({"content": piece}) for piece in re.findall(r"\S+\s*|\s+", text)]
    if calls:
        events.append(event({"tool_calls": calls}))
    events.append(event({}, reason))
    events.append({**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    lines = [b"data: %s\n\n" % dumps(e) for e in events] + [b"data: [DONE]\n\n"]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        b"transfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )


class Connection(asyncio.Protocol):
    served = 0

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = bytearray()

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end])
            if CHUNKED.search(head):
                raise ValueError("chunked request bodies are not read")
            found = LENGTH.search(head)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < size:
                return
            body = bytes(self.buffer[end + 4 : size])
            del self.buffer[:size]
            self.transport.write(self.answer(head, body))

    def answer(self, head, body):
        if head.startswith(b"GET /stats"):
            usage = resource.getrusage(resource.RUSAGE_SELF)
            stats = {"served": Connection.served, "cpu_s": time.process_time(), "max_rss_mb": usage.ru_maxrss / 1024}
            body = dumps(stats)
            return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        named = MODEL.search(body)
        if not (head.split(b" ", 2)[1].endswith(b"/chat/completions") and named):
            return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
        Connection.served += 1
        step = len(ASSISTANT.findall(body))
        return reply(named[1].decode(), int(named[2]), step, bool(STREAM.search(body)))


async def serve(port):
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cpu", type=int)
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, {options.cpu})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(serve(options.port))


if __name__ == "__main__":
    main()
