"""What the scripted server says in each dialect, and the floor of each: bare httpx saying and reading the same.

A dialect has `PATH` (what the request's path must hold, streamed or not), `STEP` (what the server counts to know the
step), `whole` and `events` (a reply at once, and in pieces), and for the floor `path`, `body`, `advance` and `words`.
"""

import json
import re

import tools

USAGE = {"input_tokens": 100, "output_tokens": 20}


def dumps(value):
    return json.dumps(value, separators=(",", ":")).encode()


def pieces(text):
    return re.findall(r"\S+\s*|\s+", text)


class Chat:
    PATH = "/chat/completions"
    STEP = re.compile(rb'"role"\s*:\s*"assistant"')
    HEAD = {"id": "chatcmpl-0", "created": 1700000000, "model": "scripted"}
    USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    END = b"data: [DONE]\n\n"

    @staticmethod
    def calls(call, step):
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        return [{"index": 0, "id": f"call_{step}", "type": "function", "function": function}]

    @classmethod
    def whole(cls, text, call, step):
        message = {"role": "assistant", "content": text or None}
        if call:
            message["tool_calls"] = [{k: v for k, v in cls.calls(call, step)[0].items() if k != "index"}]
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}
        return {**cls.HEAD, "object": "chat.completion", "choices": [choice], "usage": cls.USAGE}

    @classmethod
    def events(cls, text, call, step):
        def event(delta, reason=None):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return "", {**cls.HEAD, "object": "chat.completion.chunk", "choices": [choice]}

        yield event({"role": "assistant", "content": None if call else ""})
        yield from (event({"content": piece}) for piece in pieces(text))
        if call:
            yield event({"tool_calls": cls.calls(call, step)})
        yield event({}, "tool_calls" if call else "stop")
        yield "", {**cls.HEAD, "object": "chat.completion.chunk", "choices": [], "usage": cls.USAGE}


class Anthropic:
    PATH = "/v1/messages"
    STEP = Chat.STEP
    END = b""
    HEAD = {"id": "msg_0", "type": "message", "role": "assistant", "model": "scripted", "stop_sequence": None}

    @staticmethod
    def block(text, call, step):
        if call:
            return {"type": "tool_use", "id": f"toolu_{step}", "name": call[0], "input": call[1]}
        return {"type": "text", "text": text}

    @classmethod
    def whole(cls, text, call, step):
        reason = "tool_use" if call else "end_turn"
        return {**cls.HEAD, "content": [cls.block(text, call, step)], "stop_reason": reason, "usage": USAGE}

    @classmethod
    def events(cls, text, call, step):
        empty = {**cls.block(text, call, step), **({"input": {}} if call else {"text": ""})}
        kind, key = ("input_json_delta", "partial_json") if call else ("text_delta", "text")
        said = [
            {"type": "message_start", "message": {**cls.HEAD, "content": [], "stop_reason": None, "usage": USAGE}},
            {"type": "content_block_start", "index": 0, "content_block": empty},
        ]
        parts = [json.dumps(call[1])] if call else pieces(text)
        said += [{"type": "content_block_delta", "index": 0, "delta": {"type": kind, key: part}} for part in parts]
        reason = "tool_use" if call else "end_turn"
        said.append({"type": "content_block_stop", "index": 0})
        said.append({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 20}})
        said.append({"type": "message_stop"})
        return ((event["type"], event) for event in said)

    SCHEMA = {"name": "add", "description": "Add two numbers.", "input_schema": tools.SCHEMA["function"]["parameters"]}

    @classmethod
    def path(cls, script, stream):
        return "v1/messages"

    @classmethod
    def body(cls, script, messages, stream):
        more = {"stream": True} if stream else {}
        return {"model": script, "max_tokens": 16384, "messages": messages, "tools": [cls.SCHEMA], **more}

    @staticmethod
    def advance(messages, reply):
        messages.append({"role": "assistant", "content": reply["content"]})
        calls = [block for block in reply["content"] if block["type"] == "tool_use"]
        if not calls:
            return reply["content"][0]["text"]
        results = [
            {"type": "tool_result", "tool_use_id": c["id"], "content": str(tools.add(**c["input"]))} for c in calls
        ]
        messages.append({"role": "user", "content": results})
        return None

    @staticmethod
    def words(event):
        return event["delta"].get("text") if event["type"] == "content_block_delta" else None

    @staticmethod
    def said(prompt):
        return {"role": "user", "content": prompt}


class Google:
    PATH = "enerateContent"
    STEP = re.compile(rb'"role"\s*:\s*"model"')
    END = b""
    USAGE = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}

    @classmethod
    def chunk(cls, part, last):
        candidate = {"index": 0, "content": {"role": "model", "parts": [part]}}
        if last:
            candidate["finishReason"] = "STOP"
        return {"candidates": [candidate], "usageMetadata": cls.USAGE, "modelVersion": "scripted", "responseId": "0"}

    @classmethod
    def whole(cls, text, call, step):
        part = {"functionCall": {"id": f"call_{step}", "name": call[0], "args": call[1]}} if call else {"text": text}
        return cls.chunk(part, True)

    @classmethod
    def events(cls, text, call, step):
        if call:
            return [("", cls.whole(text, call, step))]
        parts = pieces(text)
        return [("", cls.chunk({"text": part}, number == len(parts))) for number, part in enumerate(parts, 1)]

    SCHEMA = {"functionDeclarations": [tools.SCHEMA["function"]]}

    @classmethod
    def path(cls, script, stream):
        return f"v1beta/models/{script}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"

    @classmethod
    def body(cls, script, messages, stream):
        return {"contents": messages, "tools": [cls.SCHEMA]}

    @staticmethod
    def advance(messages, reply):
        content = reply["candidates"][0]["content"]
        messages.append(content)
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        if not calls:
            return content["parts"][0]["text"]
        results = [
            {"id": c["id"], "name": c["name"], "response": {"output": str(tools.add(**c["args"]))}} for c in calls
        ]
        messages.append({"role": "user", "parts": [{"functionResponse": each} for each in results]})
        return None

    @staticmethod
    def words(event):
        return event["candidates"][0]["content"]["parts"][0].get("text")

    @staticmethod
    def said(prompt):
        return {"role": "user", "parts": [{"text": prompt}]}


class Responses:
    PATH = "/responses"
    STEP = re.compile(rb'"type"\s*:\s*"function_call"')
    END = b""
    HEAD = {"id": "resp_0", "object": "response", "created_at": 1700000000, "model": "scripted", "error": None}

    @staticmethod
    def item(text, call, step):
        if call:
            call = {"name": call[0], "arguments": json.dumps(call[1]), "status": "completed"}
            return {"type": "function_call", "id": f"fc_{step}", "call_id": f"call_{step}", **call}
        content = [{"type": "output_text", "text": text, "annotations": []}]
        return {"type": "message", "id": f"msg_{step}", "role": "assistant", "status": "completed", "content": content}

    @classmethod
    def whole(cls, text, call, step):
        usage = {**USAGE, "total_tokens": 120}
        return {**cls.HEAD, "status": "completed", "output": [cls.item(text, call, step)], "usage": usage}

    @classmethod
    def events(cls, text, call, step):
        item = cls.item(text, call, step)
        empty = {**item, **({"arguments": ""} if call else {"content": []})}
        kind = "response.function_call_arguments.delta" if call else "response.output_text.delta"
        where = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        said = [{"type": "response.created", "response": {**cls.HEAD, "status": "in_progress", "output": []}}]
        said.append({"type": "response.output_item.added", "output_index": 0, "item": empty})
        said += [{"type": kind, "delta": part, **where} for part in ([item["arguments"]] if call else pieces(text))]
        said.append({"type": "response.output_item.done", "output_index": 0, "item": item})
        said.append({"type": "response.completed", "response": cls.whole(text, call, step)})
        return ((event["type"], {**event, "sequence_number": n}) for n, event in enumerate(said))

    SCHEMA = {"type": "function", **tools.SCHEMA["function"]}

    @classmethod
    def path(cls, script, stream):
        return "responses"

    @classmethod
    def body(cls, script, messages, stream):
        more = {"stream": True} if stream else {}
        return {"model": script, "input": messages, "tools": [cls.SCHEMA], "store": False, **more}

    @staticmethod
    def advance(messages, reply):
        messages += reply["output"]
        calls = [item for item in reply["output"] if item["type"] == "function_call"]
        for call in calls:
            result = str(tools.add(**json.loads(call["arguments"])))
            messages.append({"type": "function_call_output", "call_id": call["call_id"], "output": result})
        return None if calls else reply["output"][0]["content"][0]["text"]

    @staticmethod
    def words(event):
        return event.get("delta") if event["type"] == "response.output_text.delta" else None

    @staticmethod
    def said(prompt):
        return {"role": "user", "content": prompt}


ALL = (Chat, Anthropic, Google, Responses)


class Floor:
    """An adapter of bare httpx, for a dialect other than chat completions.

    Args:
        dialect: One of the above.
        base: What stands before its paths instead of "/v1".
    """

    def __init__(self, dialect, base="/v1"):
        self.dialect, self.base = dialect, base

    def model(self, url, script, is_async=False):
        import httpx

        kind, limits = httpx.AsyncClient if is_async else httpx.Client, httpx.Limits(max_connections=1000)
        return kind(base_url=url.removesuffix("/v1") + self.base, timeout=600, limits=limits), script

    @staticmethod
    def agent(model, add, steps):
        return model

    def run(self, agent, prompt):
        client, script = agent
        say, messages = self.dialect, [self.dialect.said(prompt)]
        while True:
            reply = client.post(say.path(script, False), json=say.body(script, messages, False)).json()
            if (text := say.advance(messages, reply)) is not None:
                return text

    async def arun(self, agent, prompt):
        client, script = agent
        say, messages = self.dialect, [self.dialect.said(prompt)]
        while True:
            reply = (await client.post(say.path(script, False), json=say.body(script, messages, False))).json()
            if (text := say.advance(messages, reply)) is not None:
                return text

    def stream(self, agent, prompt):
        client, script = agent
        content = self.dialect.body(script, [self.dialect.said(prompt)], True)
        with client.stream("POST", self.dialect.path(script, True), json=content) as response:
            for line in response.iter_lines():
                if line.startswith("data: ") and (text := self.dialect.words(json.loads(line[6:]))):
                    yield text
