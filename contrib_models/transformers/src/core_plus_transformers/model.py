"""The model object."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from importlib import import_module
from typing import Any, Final

from core_plus.errors import BadRequestError, ContextLengthError, CorePlusError, ModelError
from core_plus.models import ModelRequest
from core_plus_http.callforms import CallReader, offered
from core_plus_http.local import Call, LocalModel
from core_plus_transformers.loading import Loaded, load, sees
from core_plus_transformers.prompts import inputs
from core_plus_transformers.writing import Writer

MAX_TOKENS: Final = 4096
"""Tokens that a reply may have where nobody says; transformers' own default is 20."""
SAMPLING: Final = ("temperature", "top_k", "top_p", "min_p", "typical_p")


class TransformersModel(LocalModel):
    """A model run in process by transformers, in a thread of its own, one call after another.

    It is loaded when it is first used. Calls and reasoning are read out of the text by the forms of the common
    families; no reply is forced into a form, so `tool_choice="required"` and `output_schema` stay wishes.

    Args:
        model_id: "org/name" on the Hub, or a folder.
        device_map: Where the weights go; "auto" fills the fastest devices first.
        dtype: The weights' type, such as "bfloat16"; "auto" takes the one they were saved in.
        options: Parameters of every call: what `generate` takes, and max_tokens, seed, temperature=0 (the most
            likely token always), and `chat_template_kwargs`, more variables for the template.
        load: More settings for `from_pretrained`, such as {"quantization_config": ..., "revision": ...}.
        model: A model that is loaded already; then `processor` is wanted too.
        processor: Its processor or tokenizer.
    """

    def __init__(
        self,
        model_id: str,
        *,
        device_map: Any = "auto",
        dtype: Any = "auto",
        options: Mapping[str, Any] | None = None,
        load: Mapping[str, Any] | None = None,
        model: Any = None,
        processor: Any = None,
    ) -> None:
        super().__init__("transformers", model_id)
        self._settings = {"device_map": device_map, "dtype": dtype, **(load or {})}
        self._options = dict(options or {})
        self._given = Loaded(model, processor, sees(model.config)) if model is not None else None
        self._found: Loaded | None = None

    def close(self) -> None:
        """Stop, and free the memory; a model that was given stays its owner's. The next call loads it anew."""
        self._line.close()
        self._found = None

    def ready(self) -> Loaded:
        if self._found is None:
            self._found = self._given or load(self.model_id, self._settings)
        return self._found

    def count(self, request: ModelRequest) -> int:
        tokens, _ = inputs(self.ready(), request, self._split(request)[0])
        return int(tokens["input_ids"].shape[-1])

    def _split(self, request: ModelRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        """The template's variables, and the rest of the options."""
        options = {**self._options, **request.options}
        template = {**options.pop("chat_template_kwargs", {})}
        if "chat_template" in options:
            template["chat_template"] = options.pop("chat_template")
        return template, options

    def answer(self, request: ModelRequest, call: Call) -> None:
        try:
            self._generate(request, call)
        except CorePlusError as error:
            if isinstance(error, ModelError):
                error.provider, error.model = "transformers", self.model_id
            raise
        except (TypeError, ValueError) as error:  # a parameter that `generate` doesn't know, or takes otherwise
            raise BadRequestError(str(error), provider="transformers", model=self.model_id) from error
        except RuntimeError as error:  # also torch.OutOfMemoryError
            raise ModelError(str(error), provider="transformers", model=self.model_id) from error

    def _generate(self, request: ModelRequest, call: Call) -> None:
        loaded, (template, options) = self.ready(), self._split(request)
        tokens, closes = inputs(loaded, request, template)
        count = int(tokens["input_ids"].shape[-1])
        room = loaded.context - count if loaded.context else None
        if room is not None and room <= 0:
            raise ContextLengthError(f"the prompt has {count} tokens, and the model takes {loaded.context}")
        most = _most(request, options, loaded)
        most = most if room is None else min(most, room)
        stops = tuple(filter(None, request.stop))
        reader = CallReader(offered(request), "transformers", closes)
        writer = Writer(loaded, call, reader, stops, most)
        criteria = import_module("transformers").StoppingCriteriaList([writer.stop])
        seed = options.pop("seed", None)
        settings = {**_sampling(options), "max_new_tokens": most, "streamer": writer, "stopping_criteria": criteria}
        with _seeded(seed):
            loaded.model.generate(**tokens, **settings)
        writer.finish(count, self.model_id)


def _most(request: ModelRequest, options: dict[str, Any], loaded: Loaded) -> int:
    """The most tokens to write: what the call says, else the options, else the model's own setting."""
    given = (request.max_tokens, options.pop("max_tokens", None), options.pop("max_new_tokens", None))
    own = loaded.model.generation_config.max_new_tokens
    return next((int(each) for each in (*given, own) if each is not None), MAX_TOKENS)


def _sampling(options: Mapping[str, Any]) -> dict[str, Any]:
    """`generate` samples only where it is told to; temperature 0 is none that it knows."""
    found = dict(options)
    if found.get("temperature") == 0:
        found["do_sample"] = False
    if found.get("do_sample") is False:
        found.update(dict.fromkeys(SAMPLING))
    elif "do_sample" not in found and any(found.get(name) is not None for name in SAMPLING):
        found["do_sample"] = True
    return found


@contextlib.contextmanager
def _seeded(seed: int | None) -> Generator[None, None, None]:
    """Chance that begins at a seed; that of everybody else goes on as it was."""
    if seed is None:
        yield
        return
    torch = import_module("torch")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
