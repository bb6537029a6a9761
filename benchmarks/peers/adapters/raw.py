"""Floor: one socket, history kept as bytes already serialised."""

import asyncio
import json
import socket
from urllib.parse import urlsplit

import tools

PACKAGES = []
IMPORT = "import socket, json"
SHARED = True


class Model:
    def __init__(self, url, script):
        parts = urlsplit(url)
        self.address = parts.hostname, parts.port
        self.head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
        self.start = b'{"model":"%s","tools":[%s],"messages":[' % (script.encode(), dump(tools.SCHEMA))
        self.pipe = None

    def connect(self):
        if self.pipe is None:
            link = socket.create_connection(self.address)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pipe = link, link.makefile("rb")
        return self.pipe


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


def model(url, script, is_async=False):
    return Model(url, script)


def agent(model, add, steps):
    return model


code_agent = agent


def request(model, history, end=b"]}"):
    size = len(model.start) + len(history) + len(end)
    return b"".join((model.head % size, model.start, history, end))


def advance(history, body):
    """Adds a reply, and what answers it, to the history; the text if it was the last."""
    message = json.loads(body)["choices"][0]["message"]
    calls = message.get("tool_calls")
    text = message["content"]
    if calls:
        history += b"," + dump(message)
        for call in calls:
            result = tools.add(**json.loads(call["function"]["arguments"]))
            history += b"," + dump({"role": "tool", "tool_call_id": call["id"], "content": str(result)})
    elif "<code>" in text and "final_answer" not in text:
        history += b"," + dump(message) + b"," + dump({"role": "user", "content": "Observation: 1"})
    else:
        return text
    return None


def run(model, prompt):
    link, file = model.connect()
    history = bytearray(dump({"role": "user", "content": prompt}))
    while True:
        link.sendall(request(model, history))
        while (line := file.readline()) != b"\r\n":
            if line.startswith(b"content-length:"):
                size = int(line[15:])
        text = advance(history, file.read(size))
        if text is not None:
            return text


async def arun(model, prompt):
    reader, writer = await asyncio.open_connection(*model.address)
    history = bytearray(dump({"role": "user", "content": prompt}))
    text = None
    while text is None:
        writer.write(request(model, history))
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head[head.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
        text = advance(history, await reader.readexactly(size))
    writer.close()
    return text


def stream(model, prompt):
    link, file = model.connect()
    link.sendall(request(model, dump({"role": "user", "content": prompt}), b'],"stream":true}'))
    while (line := file.readline()) != b"data: [DONE]\n":
        if line.startswith(b"data: "):
            choices = json.loads(line[6:])["choices"]
            if choices and (text := choices[0]["delta"].get("content")):
                yield text
    while file.readline() != b"0\r\n":
        pass
    file.readline()
