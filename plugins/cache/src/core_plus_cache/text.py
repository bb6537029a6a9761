"""Values as JSON, half characters too, which models write now and then and UTF-8 has no form for."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from core_plus.models import ModelResponse


def dumps(value: Any) -> bytes:
    """JSON.

    Args:
        value: Structs, data, or both.

    Raises:
        TypeError: It holds something that isn't data.
        ValueError: The same.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value)).encode()


def response_in(data: bytes) -> ModelResponse | None:
    """An answer that was kept; None where it is none that this version knows.

    Args:
        data: As `dumps` gave it.
    """
    try:
        return msgspec.json.decode(data, type=ModelResponse)
    except msgspec.ValidationError:
        return None
    except msgspec.DecodeError:
        pass  # perhaps half characters, which only the standard library reads
    try:
        return msgspec.convert(json.loads(data), ModelResponse)
    except ValueError:
        return None
