"""A loopback server that answers at once, from a script, in the dialects of `dialects.py`.

The request names its script in `model`, as KIND-COUNT:

  tools-N       N calls of add(a, b), then a final answer (tools-0 is one-shot)
  final-N       the same, the final answer being a call of final_answer(answer)
  bash-N        N calls of bash(command), then a final answer
  code-N        N code blobs in <code> tags calling add and print, then final_answer
  text-N        a final answer of N tokens (one streamed event each)
  said-N        the same, with a call of final_answer(answer) after the text

Which step a request is at is the number of the model's turns it carries, so
the server keeps no state and every run, concurrent or not, gets its own place
in the script. Replies are built once and written as bytes; the request body
is never parsed as JSON, only scanned. `GET /stats` says what the server cost.

    python server.py [--port 0] [--cpu N]      prints its port, then serves
"""

import argparse
import asyncio
import functools
import os
import re
import resource
import time

from dialects import ALL, Google, dumps

MODEL = re.compile(rb'(?:"model"\s*:\s*"(?:[a-z]+/)?|/models/)([a-z]+)-(\d+)')
STREAM = re.compile(rb'"stream"\s*:\s*true|:streamGenerateContent')
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)


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


@functools.lru_cache(maxsize=10000)
def reply(dialect, kind, count, step, stream):
    text, call = turn(kind, count, step)
    if not stream:
        body = dumps(dialect.whole(text, call, step))
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    lines = [
        (b"event: %s\n" % name.encode() if name else b"") + b"data: %s\n\n" % dumps(event)
        for name, event in dialect.events(text, call, step)
    ]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in filter(None, [*lines, dialect.END]))
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
        path = head.split(b" ", 2)[1]
        dialect = next((each for each in ALL if each.PATH.encode() in path), None)
        named = MODEL.search(path if dialect is Google else body)
        if dialect is None or named is None:
            return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
        Connection.served += 1
        stream = bool(STREAM.search(path if dialect is Google else body))
        return reply(dialect, named[1].decode(), int(named[2]), len(dialect.STEP.findall(body)), stream)


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
