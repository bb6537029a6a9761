"""numpy, pandas and pictures, where they are installed and where they aren't."""

import datetime as dt
import io
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from core_plus.executors import Answer
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


def test_what_is_masked_in_an_array_is_none():
    found = there_and_back(np.ma.masked_array([1, 2, 3], mask=[False, True, False]))
    assert list(found) == [1, None, 3]


def test_a_table_of_many_rows_keeps_every_value():
    pd = pytest.importorskip("pandas")
    count = 10_000
    frame = pd.DataFrame({"n": range(count), "f": np.linspace(0, 1, count), "t": [f"row {n}" for n in range(count)]})
    pd.testing.assert_frame_equal(there_and_back(frame), frame)
    assert list(there_and_back(pd.array([1, None], dtype="Int64"))) == [1, None]


def test_tables_of_polars_come_back_equal(monkeypatch):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "n": [1, 2],
            "lost": [None, 7],
            "f": [0.5, None],
            "t": ["ü", None],
            "b": [True, False],
            "d": [dt.date(2026, 1, 1), None],
            "m": [dt.datetime(2026, 1, 1, 5), None],  # noqa: DTZ001  # polars' own are naive
            "l": [[1, 2], [3]],
        },
        schema_overrides={"n": pl.Int8, "lost": pl.UInt16},
    )
    assert there_and_back(frame).equals(frame)
    assert there_and_back(frame).schema == frame.schema
    assert there_and_back(frame[:0]).columns == frame.columns
    assert there_and_back(frame["t"]).to_list() == ["ü", None]
    codec = Codec(media)
    trees = [codec.encode(value) for value in (frame, frame["t"])]
    real = foreign.library
    monkeypatch.setattr(foreign, "library", lambda name: None if name == "polars" else real(name))
    table, column = [codec.decode(*tree) for tree in trees]
    assert list(table.columns) == frame.columns
    assert (list(table.columns["n"]), column["values"]) == ([1, 2], ["ü", None])


def test_a_plot_is_its_figure():
    figures = pytest.importorskip("matplotlib.figure")
    axes = figures.Figure().subplots()
    assert there_and_back(axes).data.startswith(b"\x89PNG")


def test_objects_of_attrs_and_pydantic_are_records_of_their_fields():
    pydantic = pytest.importorskip("pydantic")

    class Place(pydantic.BaseModel):
        name: str
        inner: dict[str, np.ndarray]
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    found = there_and_back(Place(name="x", inner={"a": np.arange(2)}))
    assert (found.type_name, found.name, list(found.inner["a"])) == ("Place", "x", [0, 1])


def test_the_host_imports_no_library_before_a_value_needs_it():
    code = """
        import sys
        from core_plus_worker import Codec, WorkerSession
        from core_plus.messages import Image
        codec = Codec()
        codec.decode(*codec.encode([1, {"a": (2, {3})}, b"x"]))
        print([name for name in ("numpy", "pandas", "pyarrow", "polars", "PIL") if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


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


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_an_array_that_isnt_copied_on_its_way_out_is_the_same(array):
    found = there_and_back(array, Codec(media, views=True))
    np.testing.assert_array_equal(found, array)


def test_arrays_leave_a_worker_as_they_were_when_they_were_sent(opened):
    session = opened(functions=("f",))
    made = "import numpy, asyncio\na = numpy.arange(100_000)\n"
    code = f"{made}task = asyncio.create_task(f(a))\nawait asyncio.sleep(0)\na[:] = 0"
    turn = session.start(f"{code}\nawait task\na.T[::2]")
    while not turn.requests:
        turn = session.resume([])
    np.testing.assert_array_equal(turn.requests[0].args[0], np.arange(100_000))
    done = session.resume([Answer(1)])
    np.testing.assert_array_equal(done.value, np.zeros(50_000))
