"""Tool calls and reasoning as text: how chat templates want them, and how models write them.

A server reads its models' own forms and speaks JSON. Who runs a model in process has the text: `conversation` is what
a chat template is given, and `CallReader` turns what the model writes into the kernel's deltas.
"""

from core_plus_http.callforms.prompts import conversation, folded, in_words, offered
from core_plus_http.callforms.reader import CallReader, Form, is_mark, thinks

__all__ = ["CallReader", "Form", "conversation", "folded", "in_words", "is_mark", "offered", "thinks"]
