"""What the tests of the policy share: tools that count their calls, and hosts with a policy."""

from __future__ import annotations

from core_plus import Tool


class Counting(Tool):
    """A tool that counts its calls."""

    output_type = "string"
    inputs = {
        "path": {"type": "string", "description": "Which.", "nullable": True},
        "more": {"type": "any", "description": "What else.", "nullable": True},
    }

    def __init__(self, name="write_file", effect="write", **settings):
        self.name, self.description, self.effect, self.calls = name, f"Does {name}.", effect, []
        vars(self).update(settings)

    def forward(self, path=None, more=None):
        self.calls.append((path, more))
        return f"done {path}"


class FromServer(Counting):
    """A tool as an MCP server's is: it names the server, and what the tool is called there."""

    def __init__(self, name="write_file", server="files", **settings):
        super().__init__(name, **settings)
        self.server, self.remote_name = server, name


class Answers:
    """A UI whose person has made up their mind; keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.questions, self.events = list(answers), [], []

    def observe(self, event):
        self.events.append(event)

    def ask(self, question):
        self.questions.append(question)
        return self.answers.pop(0) if self.answers else None

    def close(self):
        pass
