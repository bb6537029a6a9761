"""`core-plus demo`: what it shows is really computed."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from importlib import resources
from statistics import mean

import pytest

from core_plus.host import Host
from core_plus_cli.demo import make_readings
from core_plus_cli.demo.tools import describe_file, read_rows, station_info


def readings() -> list[dict[str, str]]:
    text = (resources.files("core_plus_cli.demo") / "readings.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def expected() -> dict[str, object]:
    """The answer, worked out from the file without the demo's code."""
    rows = readings()
    whole = [row for row in rows if row["temp"] != ""]
    celsius = {id(row): (float(row["temp"]) - 32) / 1.8 if row["unit"] == "F" else float(row["temp"]) for row in whole}
    at = defaultdict(list)
    rain = defaultdict(float)
    for row in whole:
        at[row["station"]].append(celsius[id(row)])
    for row in rows:
        rain[row["date"][:7]] += float(row["rain_mm"])
    hottest = max(whole, key=lambda row: celsius[id(row)])
    means = {station: round(mean(values), 1) for station, values in at.items()}
    return {
        "warmest_station": max(means, key=lambda station: mean(at[station])),
        "mean_celsius": means,
        "hottest_day": {
            "station": hottest["station"],
            "date": hottest["date"],
            "celsius": round(celsius[id(hottest)], 1),
        },
        "wettest_month": {
            "month": max(rain, key=lambda month: rain[month]),
            "rain_mm_at_all_stations": round(max(rain.values()), 1),
        },
        "rows_left_out": len(rows) - len(whole),
        "rows_converted": sum(row["unit"] == "F" for row in whole),
    }


def test_the_answer_is_what_the_file_holds(core_plus):
    done = core_plus("demo", "-q", "--no-pause")
    assert done.status == 0
    assert json.loads(done.out) == expected()


@pytest.mark.parametrize("name", ["sandbox", "monty", "subprocess"])
def test_the_demo_works_in_each_executor_that_a_person_may_get(core_plus, name):
    with Host() as host:
        if name not in host.names("executor"):
            pytest.skip(f"core-plus-{name} isn't installed")
        if lacks := getattr(host.find("executor", name).factory, "missing", str)():
            pytest.skip(f"{name} can't run here: {lacks}")
        done = core_plus("demo", "-q", "--executor", name, *(["--unsafe"] if name == "subprocess" else []), host=host)
    assert done.status == 0
    assert json.loads(done.out) == expected()


def test_the_screen_shows_plan_code_tool_calls_the_mistake_and_its_repair(core_plus):
    done = core_plus("demo")
    told = ["scripted", "plan", "describe_file()", "read_rows(start=1000, count=1000)", "2924 rows read"]
    told += ["could not convert string to float: ''", "some temperatures are empty", "station_info(name='Ridge')"]
    told += ["answer", "Orchard", "done", "4 steps"]
    assert done.status == 0
    place = 0
    for shown in told:
        place = done.out.find(shown, place)
        assert place >= 0, shown


def test_a_quiet_demo_says_on_standard_error_that_it_is_scripted(core_plus):
    done = core_plus("demo", "-q")
    assert "scripted" in done.err
    assert "scripted" not in done.out


def test_the_demo_is_not_what_continue_goes_on_with(core_plus, home):
    core_plus("demo", "-q")
    assert not (home / "state").exists()


@pytest.mark.parametrize("place", ["option", "variable"])
def test_a_model_that_is_set_does_the_task_itself(core_plus, spying, monkeypatch, place):
    spy, host = spying("I plan.", "Now.\n<code>\nfinal_answer(describe_file()['rows'])\n</code>")
    if place == "variable":
        monkeypatch.setenv("CORE_PLUS_MODEL", "spy:")
    done = core_plus("demo", "-q", *(["-m", "spy:"] if place == "option" else []), host=host)
    assert (done.status, done.out, done.err) == (0, "2924\n", "")
    assert "four weather stations" in spy.task().text


def test_the_file_is_what_its_script_makes():
    text = (resources.files("core_plus_cli.demo") / "readings.csv").read_text(encoding="utf-8")
    assert text.splitlines() == [*make_readings.lines()]


def test_the_file_is_as_faulty_as_the_story_needs():
    rows = readings()
    assert len(rows) == 2924
    assert any(row["temp"] == "" for row in rows)
    naive = max((row for row in rows if row["temp"]), key=lambda row: float(row["temp"]))
    assert (naive["unit"], naive["station"], naive["date"][5:7]) == ("F", "Ridge", "02")


def test_the_tools_read_the_file():
    rows = readings()
    assert describe_file() == {
        "rows": len(rows),
        "columns": [*rows[0]],
        "stations": ["Harbour", "Orchard", "Ridge", "Old Mill"],
    }
    assert read_rows(2900, 1000) == rows[2900:]
    assert station_info("Ridge") == {"name": "Ridge", "height_m": 1460}


@pytest.mark.parametrize(
    ("tool", "given"), [(read_rows, (-1, 5)), (read_rows, (0, 1001)), (station_info, ("Atlantis",))]
)
def test_the_tools_refuse_what_isnt_there(tool, given):
    with pytest.raises(ValueError, match=r"start is a number|there is no station"):
        tool(*given)
