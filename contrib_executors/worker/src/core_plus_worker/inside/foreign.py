"""numpy, pandas, polars and pictures, both ways. What isn't installed here is never needed; nothing is unpickled.

    array, numpy date     ["ndarray", dtype, shape, blob]; numbers of numpy's become Python's
    array of objects      ["objects", shape, list]
    column                [dtype, values, zone or null]
    Series                ["series", name, column, index]
    DataFrame             ["frame", labels, columns, index, label names]
    index                 ["index", column, names]
    polars' DataFrame     ["polars", names, columns]; a column is [dtype, values]
    polars' Series        ["polars_series", name, column]
    image, figure         ["media", media type, blob, name or null]

Tables cross as columns of plain values, and not as a file of Arrow's: what a few bytes of such a file unfold to (by
compression, by columns that share their bytes) can't be bounded before it has been read.

Without numpy an array arrives as a record of dtype, shape and bytes; without pandas a table as one of its columns.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from core_plus_worker.inside.pack import pack_record, tagged
from core_plus_worker.inside.records import CodecError, Record
from core_plus_worker.inside.unpack import exactly, zone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core_plus_worker.inside.pack import Packer
    from core_plus_worker.inside.pack import Way as PackWay
    from core_plus_worker.inside.unpack import Unpacker
    from core_plus_worker.inside.unpack import Way as UnpackWay

    Media = Callable[[str, bytes, "str | None"], Any]

NUMBERS = "biufc"
"""numpy's kinds of numbers; M and m are its dates and durations, S and U its texts."""

PYTHON: Mapping[str, type] = {"b": bool, "i": int, "u": int, "f": float, "c": complex, "S": bytes, "U": str}
ARRAYS = r"[<|][biufcmMSU]\d+(\[\d*\w+\])?"
POLARS = frozenset(
    ["Boolean", "String", "Binary", "Date", "Time", "Float32", "Float64"]
    + [f"{sign}Int{size}" for sign in ("", "U") for size in (8, 16, 32, 64)]
)
"""Polars' kinds of columns that are named where values don't say them."""

COLUMNS = r"[uU]?[iI]nt\d+|[fF]loat\d+|bool(ean)?|object|str(ing)?|category"


def library(name: str) -> Any:
    """A library, if this side has it; else None.

    Args:
        name: Its import name.
    """
    import importlib.util

    if name not in sys.modules and importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name)


def pack_scalar(packer: Packer, value: Any) -> Any:
    """Numpy's numbers and texts as Python's; dates and durations keep their unit."""
    make = PYTHON.get(value.dtype.kind)
    return packer.pack(make(value)) if make else pack_array(packer, sys.modules["numpy"].asarray(value))


def pack_array(packer: Packer, value: Any) -> Any:
    """Arrays as bytes in C order, or as a list of objects. Numbers of more than 8 bytes are cut to 8."""
    dtype, shape = value.dtype, list(value.shape)
    if hasattr(value, "mask"):  # what is masked is None
        return tagged("objects", shape, packer.pack(value.ravel().tolist()))
    if dtype.kind not in NUMBERS + "mMSU" or not dtype.itemsize:
        return tagged("objects", shape, packer.pack(value.ravel().tolist()))
    if dtype.kind in "fc" and dtype.alignment > 8:
        value = value.astype("c16" if dtype.kind == "c" else "f8")
    dtype = value.dtype.newbyteorder("<")
    value = value.astype(dtype, copy=False)
    if packer.views and value.flags.c_contiguous:
        return tagged("ndarray", dtype.str, shape, packer.blob(memoryview(value.reshape(-1).view("u1"))))
    return tagged("ndarray", dtype.str, shape, packer.blob(value.tobytes()))


def pack_column(packer: Packer, series: Any) -> list[Any]:
    """The values of a series or index, with the name of its dtype."""
    dtype, zone = series.dtype, getattr(series.dtype, "tz", None)
    if zone is not None:
        access = series.dt if hasattr(series, "dt") else series
        bare = access.tz_convert("UTC")
        bare = (bare.dt if hasattr(bare, "dt") else bare).tz_localize(None)
        return [str(bare.dtype), packer.pack(bare.to_numpy()), str(zone)]
    if getattr(dtype, "kind", "O") in NUMBERS + "mM" and type(dtype).__module__.startswith("numpy"):
        return [dtype.str, packer.pack(series.to_numpy()), None]
    missing = [False] * len(series) if getattr(dtype, "kind", "") == "O" else series.isna()
    values = [None if lost else value for value, lost in zip(series.tolist(), missing)]
    return [str(dtype), packer.pack(values), None]


def pack_index(packer: Packer, index: Any) -> Any:
    """Row or column labels."""
    names = [packer.pack(name) for name in index.names]
    if getattr(index, "nlevels", 1) > 1:
        return tagged("index", ["tuples", packer.pack(index.tolist()), None], names)
    if type(index).__name__ == "RangeIndex":
        return tagged("index", ["range", packer.pack(range(index.start, index.stop, index.step)), None], names)
    return tagged("index", pack_column(packer, index), names)


def pack_series(packer: Packer, value: Any) -> Any:
    """One column."""
    return tagged("series", packer.pack(value.name), pack_column(packer, value), pack_index(packer, value.index))


def pack_frame(packer: Packer, value: Any) -> Any:
    """A table, column by column."""
    columns = [pack_column(packer, value.iloc[:, place]) for place in range(value.shape[1])]
    return tagged("frame", pack_index(packer, value.columns), columns, pack_index(packer, value.index))


def pack_polars_column(packer: Packer, series: Any) -> list[Any]:
    """A column of polars': numbers as an array where none is missing."""
    if series.dtype.is_numeric() and not series.null_count() and library("numpy"):
        return [str(series.dtype), packer.pack(series.to_numpy())]
    return [str(series.dtype), packer.pack(series.to_list())]


def pack_polars(packer: Packer, value: Any) -> Any:
    """A table of polars'."""
    return tagged("polars", list(value.columns), [pack_polars_column(packer, column) for column in value.get_columns()])


def pack_polars_series(packer: Packer, value: Any) -> Any:
    """A column of polars' alone."""
    return tagged("polars_series", value.name, pack_polars_column(packer, value))


def pack_image(packer: Packer, value: Any) -> Any:
    """PIL's images as PNG, which loses nothing; colours that PNG doesn't know become RGB."""
    import io

    known = value.mode in ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")
    file = io.BytesIO()
    (value if known else value.convert("RGB")).save(file, "PNG")
    return tagged("media", "image/png", packer.blob(file.getvalue()), None)


def pack_figure(packer: Packer, value: Any) -> Any:
    """Matplotlib's figures as PNG."""
    import io

    file = io.BytesIO()
    value.savefig(file, format="png", bbox_inches="tight")
    return tagged("media", "image/png", packer.blob(file.getvalue()), None)


def pack_axes(packer: Packer, value: Any) -> Any:
    """A plot that a method such as pandas' `plot` gave back: its figure."""
    return pack_figure(packer, value.figure)


def pack_media(packer: Packer, value: Any) -> Any:
    """The framework's own pictures, sounds and files."""
    if value.data is None:
        fields = {"url": value.url, "media_type": value.media_type, "name": value.name}
        return pack_record(packer, type(value).__name__, fields)
    return tagged("media", value.media_type, packer.blob(value.data), value.name)


def nothing(packer: Packer, value: Any) -> Any:
    """Pandas' words for a missing value."""
    return None


def read_array(unpacker: Unpacker, dtype: str, shape: list[int], place: Any) -> Any:
    """Arrays; a scalar if the shape is empty."""
    numpy = library("numpy")
    if numpy is None:
        return Record("ndarray", {"dtype": dtype, "shape": shape, "data": unpacker.blob(place)})
    if not re.fullmatch(ARRAYS, dtype):
        raise CodecError(f"no array of {dtype!r} can cross")
    data = unpacker.buffer(place)
    flat = numpy.frombuffer(data, dtype) if len(data) else numpy.empty(0, dtype)
    return flat.reshape(shape) if shape else flat[0]


def read_objects(unpacker: Unpacker, shape: list[int], values: Any) -> Any:
    """Arrays of objects."""
    numpy, items = library("numpy"), unpacker.unpack(values)
    if numpy is None:
        return Record("ndarray", {"dtype": "object", "shape": shape, "data": items})
    flat = numpy.empty(len(items), object)
    flat[:] = items
    return flat.reshape(shape)


def read_values(unpacker: Unpacker, tree: Any) -> Any:
    """A column's values: a list or an array; a range would be long at no cost."""
    values = unpacker.unpack(tree)
    if type(values) is not list and type(values).__name__ != "ndarray" and type(values) is not Record:
        raise CodecError(f"a column's values are a list or an array, not {type(values).__name__}")
    return values


def fitting(values: Any, labels: Any) -> Any:
    """The values, refused if there isn't one for each label."""
    if len(values) != len(labels):
        raise CodecError(f"{len(values)} values for {len(labels)} labels")
    return values


def read_column(unpacker: Unpacker, pandas: Any, column: list[Any]) -> Any:
    """A column's values as an index or series takes them, with the dtype that they had where that can be."""
    dtype, values, zone = column[0], read_values(unpacker, column[1]), column[2]
    if zone is not None:
        return pandas.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone_of(zone) or "UTC")
    return pandas.array(values, dtype=dtype) if type(values) is list and re.fullmatch(COLUMNS, dtype) else values


def read_index(unpacker: Unpacker, column: list[Any], names: list[Any]) -> Any:
    """Row or column labels; a plain list without pandas."""
    pandas, names = library("pandas"), unpacker.nested(names)
    if pandas is None:
        return exactly(range, unpacker.unpack(column[1])) if column[0] == "range" else read_values(unpacker, column[1])
    if column[0] == "tuples":
        return pandas.MultiIndex.from_tuples(exactly(list, unpacker.unpack(column[1])), names=names)
    if column[0] == "range":
        return pandas.RangeIndex(exactly(range, unpacker.unpack(column[1])), name=names[0])
    return pandas.Index(read_column(unpacker, pandas, column), name=names[0])


def read_series(unpacker: Unpacker, name: Any, column: list[Any], index: Any) -> Any:
    """One column."""
    pandas, labels, name = library("pandas"), unpacker.unpack(index), unpacker.unpack(name)
    if pandas is None:
        return Record("Series", {"name": name, "index": labels, "values": read_values(unpacker, column[1])})
    return pandas.Series(fitting(read_column(unpacker, pandas, column), labels), index=labels, name=name)


def read_frame(unpacker: Unpacker, labels: Any, columns: list[Any], index: Any) -> Any:
    """A table."""
    pandas, labels, rows = library("pandas"), unpacker.unpack(labels), unpacker.unpack(index)
    if pandas is None:
        values = [read_values(unpacker, column[1]) for column in columns]
        return Record("DataFrame", {"index": rows, "columns": dict(zip(map(str, labels), values))})
    found = {place: fitting(read_column(unpacker, pandas, column), rows) for place, column in enumerate(columns)}
    frame = pandas.DataFrame(found, index=rows)
    frame.columns = labels
    return frame


def read_polars_column(unpacker: Unpacker, polars: Any, name: str, column: list[Any]) -> Any:
    """A column of polars'; its values where there is no polars."""
    values = read_values(unpacker, column[1])
    if polars is None:
        return values
    kind = getattr(polars, column[0]) if column[0] in POLARS else None
    return polars.Series(exactly(str, name), values, dtype=kind)


def read_polars(unpacker: Unpacker, names: list[str], columns: list[Any]) -> Any:
    """A table of polars'."""
    polars = library("polars")
    found = [read_polars_column(unpacker, polars, name, column) for name, column in zip(names, columns)]
    if polars is None:
        return Record("DataFrame", {"columns": dict(zip(map(str, names), found))})
    return polars.DataFrame(found)


def read_polars_series(unpacker: Unpacker, name: str, column: list[Any]) -> Any:
    """A column of polars' alone."""
    polars = library("polars")
    values = read_polars_column(unpacker, polars, name, column)
    return Record("Series", {"name": name, "values": values}) if polars is None else values


def picture(media_type: str, data: bytes, name: str | None) -> Any:
    """What code gets for a picture: PIL's image, or a record of the bytes where there is no PIL.

    Args:
        media_type: Such as "image/png".
        data: The file's bytes.
        name: The file's name.
    """
    image = library("PIL") and library("PIL.Image") if media_type.startswith("image/") else None
    if not image:
        return Record("Media", {"data": data, "media_type": media_type, "name": name})
    import io

    found = image.open(io.BytesIO(data))
    found.load()
    return found


PACK: Mapping[str, PackWay] = {
    "numpy.generic": pack_scalar,
    "numpy.ndarray": pack_array,
    "pandas.DataFrame": pack_frame,
    "pandas.Series": pack_series,
    "pandas.Index": pack_index,
    "pandas.ExtensionArray": lambda packer, value: packer.pack(list(value)),
    "polars.DataFrame": pack_polars,
    "polars.Series": pack_polars_series,
    "pandas.NAType": nothing,
    "pandas.NaTType": nothing,
    "PIL.Image": pack_image,
    "matplotlib.Figure": pack_figure,
    "matplotlib.Axes": pack_axes,
    "core_plus.Media": pack_media,
}


def unpack_ways(media: Media) -> Mapping[str, UnpackWay]:
    """How to read what this module packs.

    Args:
        media: Makes a picture, sound or file from media type, bytes and name.
    """
    return {
        "ndarray": read_array,
        "objects": read_objects,
        "series": read_series,
        "frame": read_frame,
        "polars": read_polars,
        "polars_series": read_polars_series,
        "index": read_index,
        "media": lambda unpacker, kind, place, name: media(kind, unpacker.blob(place), name),
    }
