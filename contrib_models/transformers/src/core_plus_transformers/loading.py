"""A model, and what turns conversations into its tokens, from the Hub or a folder."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import attrs

from core_plus.errors import ConfigurationError, ModelError, ModelNotFoundError

SETTINGS = ("revision", "token", "trust_remote_code", "cache_dir", "local_files_only")
"""Settings that the processor and the configuration take as well as the model."""


@attrs.frozen
class Loaded:
    """What is in memory.

    Args:
        model: A model that generates.
        processor: Its processor, or its tokenizer where it takes words only.
        vision: Whether it takes pictures.
    """

    model: Any
    processor: Any
    vision: bool

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, which a processor holds."""
        return getattr(self.processor, "tokenizer", self.processor)

    @property
    def context(self) -> int | None:
        """The most tokens that the model reads and writes together, where it says so."""
        config = self.model.config.get_text_config()
        found = getattr(config, "max_position_embeddings", None)
        return found if isinstance(found, int) and found > 0 else None

    @property
    def sanitizes(self) -> bool:
        """Whether this transformers can keep the control tokens in a user's words from meaning anything."""
        return "sanitize_control_tokens" in inspect.signature(self.processor.apply_chat_template).parameters

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end a reply."""
        found = self.model.generation_config.eos_token_id
        found = self.tokenizer.eos_token_id if found is None else found
        return frozenset([found] if isinstance(found, int) else found or ())


def load(model_id: str, settings: Mapping[str, Any]) -> Loaded:
    """Load a model; it is fetched from the Hub where it isn't in the cache.

    Args:
        model_id: "org/name" or a folder.
        settings: For `from_pretrained`, such as {"device_map": "auto", "dtype": "auto"}.

    Raises:
        ConfigurationError: The settings don't fit.
        ModelError: There is no such model, or it can't be loaded.
        ImportError: The model needs a package that isn't installed; transformers says which.
    """
    try:
        return _loaded(import_module("transformers"), model_id, settings)
    except OSError as error:  # how transformers says that there is no such repository or file
        raise ModelNotFoundError(_first_lines(error), provider="transformers", model=model_id) from error
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"transformers:{model_id} can't be loaded: {_first_lines(error)}") from error
    except RuntimeError as error:
        raise ModelError(_first_lines(error), provider="transformers", model=model_id) from error


def _loaded(transformers: Any, model_id: str, settings: Mapping[str, Any]) -> Loaded:
    common = {name: settings[name] for name in SETTINGS if name in settings}
    config = transformers.AutoConfig.from_pretrained(model_id, **common)
    vision = sees(config)
    maker = transformers.AutoModelForImageTextToText if vision else transformers.AutoModelForCausalLM
    reader = transformers.AutoProcessor if vision else transformers.AutoTokenizer
    processor = reader.from_pretrained(model_id, **common)
    model = maker.from_pretrained(model_id, **settings)
    model.eval()
    return Loaded(model, processor, vision)


def sees(config: Any) -> bool:
    """Whether a model takes pictures.

    Args:
        config: Its configuration.
    """
    return getattr(config, "vision_config", None) is not None


def _first_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3]) or type(error).__name__
