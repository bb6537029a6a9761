"""numpy, pandas and pictures, where they are installed and where they aren't."""

import io
from typing import Any

import numpy as np
import pytest

from core_plus.messages import Image
from core_plus_worker import Codec, Opaque, Record
from core_plus_worker.inside import foreign
from core_plus_worker.session import media


def there_and_back(value: Any, codec: Codec | None = None) -> Any:
    codec = codec or Codec(media)
    return codec.decode(*codec.encode(value))


ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.arange(6).reshape(2, 3).T,
    np.array([]),
    np.zeros((0, 3)),
    np.array(5),
    np.array([True, False]),
    np.array([1.5, np.nan, np.inf]),
    np.array([1 + 2j], np.complex64),
    np.array([1, 2], ">i4"),
    np.array([1, 2], np.uint8),
    np.array(["a", "längeres"]),
    np.array([b"ab"]),
    np.array(["2026-01-01"], "M8[D]"),
    np.array([5], "m8[s]"),
    np.array([1, "a", None], object),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_keep_values_shape_and_kind(array):
    found = there_and_back(array)
    np.testing.assert_array_equal(found, array)
    assert np.asarray(found).dtype == array.dtype.newbyteorder("=")
    assert found.shape == array.shape


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(-3), -3),
        (np.bool_(True), True),
        (np.complex128(1j), 1j),
        (np.str_("a"), "a"),
        (np.longdouble(2), 2.0),
    ],
)
def test_numpys_numbers_become_pythons(value, expected):
    found = there_and_back(value)
    assert (found, type(found)) == (expected, type(expected))


def test_a_numpy_date_keeps_its_unit():
    assert there_and_back(np.datetime64("2026-01-02T03", "h")) == np.datetime64("2026-01-02T03", "h")


def test_long_floats_are_cut_to_eight_bytes():
    assert there_and_back(np.array([1, 2], np.longdouble)).dtype == np.float64


def test_an_array_that_arrives_can_be_written():
    found = there_and_back(np.arange(3))
    found[0] = 9
    assert found[0] == 9


def test_without_numpy_an_array_is_a_record(monkeypatch):
    codec = Codec(media)
    tree, blobs = codec.encode(np.array([[1, 2]], "<i4"))
    objects, _ = codec.encode(np.array([None], object))
    monkeypatch.setattr(foreign, "library", lambda name: None)
    found = codec.decode(tree, blobs)
    assert (found.dtype, found.shape, found.data) == ("<i4", [1, 2], b"\1\0\0\0\2\0\0\0")
    assert codec.decode(objects) == Record("ndarray", {"dtype": "object", "shape": [1], "data": [None]})


def test_tables_come_back_equal():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "f": [0.5, np.nan],
            "t": ["ü", None],
            "b": [True, False],
            "d": pd.to_datetime(["2026-01-01", "2026-06-01"]),
            "z": pd.to_datetime(["2026-01-01", "2026-06-01"]).tz_localize("Europe/Oslo"),
            "c": pd.Categorical(["u", "v"]),
            "i": pd.array([1, None], dtype="Int64"),
            "o": [{"a": 1}, [2]],
        },
        index=["r", "s"],
    )
    tables = [
        frame,
        frame[["n", "f"]].T,
        frame.set_index(["n", "b"]),
        frame[["n", "t"]].iloc[:0],
        pd.DataFrame(),
        frame[["n", "n"]],
    ]
    for table in tables:
        pd.testing.assert_frame_equal(there_and_back(table), table, check_column_type=False, check_index_type=False)
    for name in frame:
        pd.testing.assert_series_equal(there_and_back(frame[name]), frame[name])
    pd.testing.assert_index_equal(there_and_back(frame.index), frame.index)
    assert there_and_back([pd.NA, pd.NaT, pd.Timestamp("2026-01-02")])[:2] == [None, None]


def test_without_pandas_a_table_is_a_record_of_columns(monkeypatch):
    pd = pytest.importorskip("pandas")
    codec = Codec(media)
    trees = [
        codec.encode(value) for value in (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), pd.Series([1.5], name="s"))
    ]
    real = foreign.library
    monkeypatch.setattr(foreign, "library", lambda name: None if name == "pandas" else real(name))
    frame, series = [codec.decode(*tree) for tree in trees]
    assert list(frame.columns) == ["a", "b"]
    assert list(frame.columns["a"]) == [1, 2]
    assert (frame.columns["b"], list(frame["index"])) == (["x", "y"], [0, 1])
    assert (series.name, list(series["values"])) == ("s", [1.5])


def test_pictures_cross_as_png_and_are_pictures_again_in_the_code():
    pil = pytest.importorskip("PIL.Image")
    for mode in ("RGB", "RGBA", "L", "1", "P", "CMYK"):
        picture = pil.new(mode, (3, 2))
        on_host = there_and_back(picture)
        assert type(on_host) is Image
        assert pil.open(io.BytesIO(on_host.data)).size == (3, 2)
        in_code = there_and_back(on_host, Codec())
        assert (in_code.size, in_code.format) == ((3, 2), "PNG")


def test_a_figure_crosses_as_png():
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure()
    figure.subplots().plot([1, 2])
    assert there_and_back(figure).data.startswith(b"\x89PNG")


def test_without_pil_a_picture_in_code_is_a_record_of_its_bytes(monkeypatch):
    monkeypatch.setattr(foreign, "library", lambda name: None)
    found = there_and_back(Image(data=b"png"), Codec())
    assert (found.type_name, found.data, found.media_type) == ("Media", b"png", "image/png")


def test_a_library_whose_object_refuses_leaves_its_repr():
    class ndarray:  # noqa: N801  # it plays numpy's
        dtype = None

        def __repr__(self) -> str:
            return "odd"

    ndarray.__module__ = "numpy"
    assert there_and_back(ndarray()) == Opaque("ndarray", "odd")
