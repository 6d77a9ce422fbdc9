"""What python-dateutil takes: name, ns for the next occurrence ten years on, occurrences a second."""

import datetime as dt
import pathlib
import statistics
import time

from dateutil import rrule

START = dt.datetime(2016, 1, 1, 9, 0)
NOWS = [dt.datetime(2026, 11, 21, 12, 0) + dt.timedelta(days=37 * i) for i in range(3)]

for line in (pathlib.Path(__file__).parent / "rules.tsv").read_text().splitlines():
    name, text = line.split("\t")
    rule = rrule.rrulestr(text, dtstart=START)
    took = []
    for now in NOWS:
        begin = time.perf_counter_ns()
        rule.after(now)
        took.append(time.perf_counter_ns() - begin)
    rates = []
    for _ in range(5):
        count = 0
        begin = time.perf_counter()
        for _ in rule:
            count += 1
            if count == 10_000:
                break
        rates.append(count / (time.perf_counter() - begin))
    rate = statistics.median(rates)
    print(f"{name}\t{statistics.median(took):.0f}\t{rate:.0f}")
