"""The demo: an agent at work on a file of weather readings.

`readings.csv` is synthetic, made by `make_readings.py`: four stations that don't exist, a reading a day for two
years, with gaps and with one sensor that told Fahrenheit for three weeks. `turns.md` holds what the model says
where none is configured; the code in it is really run, and `tools.py` really reads the file.
"""
