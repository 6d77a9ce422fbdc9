"""Makes rules, the same ones in every run: what RFC 5545 allows and clients write, and more."""

import datetime as dt
import random

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
FINE = ("HOURLY", "MINUTELY", "SECONDLY")
FREQUENCIES = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]


def pick(rng, low, high, most, signed=False):
    """A sorted list of one to `most` numbers, some from the end where that has a meaning."""
    values = {rng.randint(low, high) for _ in range(rng.randint(1, most))}
    if signed:
        values = {-v if rng.random() < 0.35 else v for v in values}
    return sorted(values)


def joined(values):
    return ",".join(str(v) for v in values)


def start(rng):
    """A start: month ends, leap days and ends of years more often than chance has them."""
    year = rng.choice([1996, 1999, 2000, 2003, 2004, 2010, 2015, 2020, 2023, 2024, 2026])
    chance = rng.random()
    if chance < 0.1:
        day = dt.date(rng.choice([1996, 2000, 2004, 2020, 2024]), 2, 29)
    elif chance < 0.25:
        day = dt.date(year, rng.choice([1, 3, 5, 7, 8, 10, 12]), 31)
    elif chance < 0.35:
        day = dt.date(year, 12, rng.randint(25, 31))
    elif chance < 0.45:
        day = dt.date(year, 1, rng.randint(1, 7))
    else:
        day = dt.date(year, 1, 1) + dt.timedelta(days=rng.randint(0, 364))
    hour, minute, second = rng.randint(0, 23), rng.choice([0, 0, 15, 30, 59]), rng.choice([0, 0, 0, 7])
    return dt.datetime.combine(day, dt.time(hour, minute, second))


def by_day(rng, freq, numbered):
    values = set()
    for _ in range(rng.choice([1, 1, 2, 3, 5])):
        day = rng.choice(WEEKDAYS)
        if numbered:
            most = 5 if freq == "MONTHLY" or numbered == "month" else 53
            number = rng.randint(1, most)
            values.add(f"{number if rng.random() < 0.6 else -number}{day}")
        else:
            values.add(day)
    # A mixture of numbered and plain days is rare in the wild, and meant as either by the RFC.
    if numbered and rng.random() < 0.05:
        values.add(rng.choice(WEEKDAYS))
    return ",".join(sorted(values))


def rule(rng, first):
    """One rule that RFC 5545 §3.3.10 allows, for a start."""
    freq = rng.choices(FREQUENCIES, weights=[22, 26, 16, 16, 8, 7, 5])[0]
    parts = [f"FREQ={freq}"]
    interval = 1
    if rng.random() < 0.5:
        interval = rng.choice([2, 2, 3, 4, 5, 6, 7, 10, 12, 13, 18, 30, 90, 1000 if freq in FINE else 11])
        parts.append(f"INTERVAL={interval}")
    if rng.random() < 0.2:
        parts.append(f"WKST={rng.choice(WEEKDAYS)}")
    months = rng.random() < 0.3
    if months:
        parts.append("BYMONTH=" + joined(pick(rng, 1, 12, 4)))
    weeks = freq == "YEARLY" and not months and rng.random() < 0.15
    if weeks:
        numbers = pick(rng, 1, 53, 4, signed=True)
        if rng.random() < 0.3:
            # The weeks that lie in two years.
            numbers = sorted(set(numbers) | {rng.choice([1, 52, 53, -1, -52, -53])})
        parts.append("BYWEEKNO=" + joined(numbers))
    year_days = freq in ("YEARLY",) + FINE and not weeks and rng.random() < 0.1
    if year_days:
        parts.append("BYYEARDAY=" + joined(pick(rng, 1, 366, 6, signed=True)))
    month_days = freq != "WEEKLY" and not year_days and rng.random() < (0.05 if weeks else 0.35)
    if month_days:
        parts.append("BYMONTHDAY=" + joined(pick(rng, 1, 31, 5, signed=True)))
    if rng.random() < (0.75 if weeks else 0.4):
        numbered = freq in ("MONTHLY", "YEARLY") and not weeks and rng.random() < 0.5
        scope = "month" if numbered and months else numbered
        parts.append("BYDAY=" + by_day(rng, freq, scope))
    if rng.random() < 0.2:
        parts.append("BYHOUR=" + joined(pick(rng, 0, 23, 4)))
    if rng.random() < 0.15:
        parts.append("BYMINUTE=" + joined(pick(rng, 0, 59, 4)))
    if rng.random() < 0.08:
        parts.append("BYSECOND=" + joined(pick(rng, 0, 59, 3)))
    if any(part.startswith("BY") for part in parts) and rng.random() < 0.25:
        # One second has one occurrence at most: any other position makes dateutil try them all.
        most = {"YEARLY": 30, "MONTHLY": 10, "WEEKLY": 6, "SECONDLY": 1}.get(freq, 4)
        parts.append("BYSETPOS=" + joined(pick(rng, 1, most, 3, signed=True)))
    chance = rng.random()
    if chance < 0.15:
        parts.append(f"COUNT={rng.randint(1, 40)}")
    elif chance < 0.3:
        days = 3 if freq in FINE else 2000
        until = first + dt.timedelta(seconds=rng.randint(0, days * 86400))
        parts.append(f"UNTIL={until:%Y%m%dT%H%M%S}")
    return ";".join(parts)


def generator(seed):
    return random.Random(seed)
