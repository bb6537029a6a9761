"""The model object."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from core_plus.errors import BadRequestError, ConfigurationError, ContextLengthError, CorePlusError, ModelError
from core_plus.models import ModelRequest
from core_plus_http.callforms import CallReader, offered
from core_plus_http.local import Call, LocalModel
from core_plus_llamacpp import grammars
from core_plus_llamacpp.files import SMALL, located
from core_plus_llamacpp.prompts import Prompt, prompt
from core_plus_llamacpp.writing import Vocabulary, Writer

CONTEXT: Final = 16384
"""Tokens of the context where nobody says: room for a run. Qwen3 4B keeps 2.4 GB for them (147,456 bytes each)."""
NAMES: Final = {"temperature": "temp", "repetition_penalty": "repeat_penalty"}
"""What others call the parameters of `Llama.generate`."""


class LlamaCppModel(LocalModel):
    """A GGUF model run in process by llama.cpp, in a thread of its own, one call after another.

    It is fetched and loaded when it is first used. A conversation that goes on is read on from where it was left.
    `output_schema` and `tool_choice` ("required", or a name) are grammars, which the reply can't but follow;
    the latter where the model writes calls as `<tool_call>`.

    Args:
        model_id: A file, "org/repo/file.gguf" on the Hub, or "small": a model to begin with.
        n_ctx: Tokens of the context, both read and written; 0 takes all that the model was trained with.
        n_gpu_layers: Layers on the graphics card; -1 puts all there, where llama.cpp was built for one.
        n_threads: Threads of the processor; None leaves it to llama.cpp.
        chat_template: In place of the file's own.
        options: Parameters of every call: what `Llama.generate` takes, by its names or the usual ones, and
            max_tokens, seed, `chat_template_kwargs` (more variables for the template) and `grammar`: one in GBNF,
            or "code" for words followed by one block of code.
        load: More settings for `llama_cpp.Llama`, such as {"flash_attn": True}.
        hub: Settings for the Hub, such as {"revision": ..., "cache_dir": ...}.
    """

    def __init__(
        self,
        model_id: str,
        *,
        n_ctx: int = CONTEXT,
        n_gpu_layers: int = -1,
        n_threads: int | None = None,
        chat_template: str | None = None,
        options: Mapping[str, Any] | None = None,
        load: Mapping[str, Any] | None = None,
        hub: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__("llamacpp", model_id)
        own: Mapping[str, Any] = {"n_ctx": n_ctx, "n_gpu_layers": n_gpu_layers, "n_threads": n_threads}
        self._settings = {**own, "verbose": False, **(load or {})}
        self._template, self._hub = chat_template, dict(hub or {})
        self._options = {**(SMALL.options if model_id == "small" else {}), **(options or {})}
        self._llama: Any = None

    def close(self) -> None:
        """Stop, and free the memory. The next call loads the model anew."""
        llama, self._llama = self._llama, None
        self._line.close(llama.close if llama is not None else object)  # not here: the thread may still be using it

    def ready(self) -> Any:
        if self._llama is None:
            path = located(self.model_id, self._hub)
            try:
                self._llama = import_module("llama_cpp").Llama(str(path), **self._settings)
            except TypeError as error:
                raise ConfigurationError(f"llamacpp:{self.model_id}: llama.cpp doesn't take {error}") from error
            except (RuntimeError, ValueError) as error:  # the library says no more than that it failed
                raise ModelError(f"{path} can't be loaded: {error}") from error
        return self._llama

    def _split(self, request: ModelRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        """The template's variables, and the rest of the options."""
        options = {**self._options, **request.options}
        return dict(options.pop("chat_template_kwargs", {})), options

    def count(self, request: ModelRequest) -> int:
        return len(self._prompt(request).tokens)

    def _prompt(self, request: ModelRequest) -> Prompt:
        return prompt(self.ready(), request, self._split(request)[0], self._template)

    def answer(self, request: ModelRequest, call: Call) -> None:
        try:
            self._generate(request, call)
        except CorePlusError as error:
            if isinstance(error, ModelError):
                error.provider, error.model = "llamacpp", self.model_id
            raise
        except TypeError as error:  # a parameter that `generate` doesn't know
            raise BadRequestError(str(error), provider="llamacpp", model=self.model_id) from error
        except (RuntimeError, ValueError) as error:
            raise ModelError(str(error), provider="llamacpp", model=self.model_id) from error

    def _generate(self, request: ModelRequest, call: Call) -> None:
        llama, options = self.ready(), self._split(request)[1]
        asked = self._prompt(request)
        context = _context(llama)
        room = context - len(asked.tokens)
        if room <= 0:
            raise ContextLengthError(f"the prompt has {len(asked.tokens)} tokens, and the context {context}")
        given = options.pop("max_tokens", None)
        most = min(room, next((int(each) for each in (request.max_tokens, given) if each is not None), room))
        seed = options.pop("seed", None)
        llama.set_seed(import_module("llama_cpp").LLAMA_DEFAULT_SEED if seed is None else int(seed))
        grammar = _grammar(request, asked, options.pop("grammar", None))
        settings = {NAMES.get(name, name): value for name, value in options.items()}
        if grammar:
            settings["grammar"] = grammars.checked(llama, grammar)
        reader = CallReader(offered(request), "llamacpp", asked.closes)
        writer = Writer(Vocabulary(llama), call, reader, tuple(filter(None, request.stop)))
        with contextlib.closing(llama.generate(asked.tokens, **settings)) as tokens:
            for token in tokens:
                if not writer.take(token) or writer.tokens >= most:
                    break
        writer.finish(len(asked.tokens), most, self.model_id)


def _context(llama: Any) -> int:
    """The tokens that there is memory for, but no more than the model was trained with."""
    trained = llama.metadata.get(f"{llama.metadata.get('general.architecture')}.context_length", "")
    return min(llama.n_ctx(), int(trained)) if trained.isdecimal() else int(llama.n_ctx())


def _grammar(request: ModelRequest, asked: Prompt, given: str | None) -> str:
    """What the reply must follow; "" where it is free."""
    if given:
        return grammars.CODE if given == "code" else given
    if request.output_schema is not None:
        return grammars.of_schema(request.output_schema)
    forced = request.tool_choice not in (None, "auto", "none")
    return grammars.of_calls(offered(request)) if forced and request.tools and asked.tagged and not asked.closes else ""
