"""Where python-dateutil and RFC 5545 part: what the RFC says, found by trying every day.

Slow and plain on purpose: a day of a yearly, monthly or weekly rule is an occurrence when every BY
part holds of it, parts that are missing come from the start, and BYSETPOS picks from the whole
period. `docs/recurrence.md` has the paragraphs.
"""

import calendar
import datetime as dt
import itertools

from rules import WEEKDAYS


def parse(text):
    parts = dict(part.split("=") for part in text.split(";"))
    numbers = {
        name: [int(n) for n in value.split(",")]
        for name, value in parts.items()
        if name.startswith("BY") and name != "BYDAY"
    }
    days = [(int(day[:-2] or 0), WEEKDAYS.index(day[-2:])) for day in parts.get("BYDAY", "").split(",") if day]
    return parts, numbers, days


def parts_from_dateutil(text):
    """Why the RFC decides otherwise than dateutil, or None."""
    parts, numbers, days = parse(text)
    numbered = sum(1 for n, _ in days if n)
    if 0 < numbered < len(days):
        return "numbered and plain BYDAY"
    if parts["FREQ"] == "WEEKLY" and "BYSETPOS" in parts:
        return "BYSETPOS in the week of the start"
    weeks = numbers.get("BYWEEKNO", [])
    if weeks and not days and "BYMONTHDAY" not in parts and "BYYEARDAY" not in parts:
        return "BYWEEKNO alone"
    if any(week < -1 for week in weeks):
        return "BYWEEKNO from the end of the next year"
    if any(week > 51 for week in weeks):
        return "BYWEEKNO of the last weeks of the year before"
    return None


def holds(values, place, length):
    return place in values or place - length - 1 in values


def week_one(year, week_start):
    fourth = dt.date(year, 1, 4)
    return fourth - dt.timedelta(days=(fourth.weekday() - week_start) % 7)


def week(day, week_start):
    """The number of a day's week, and how many weeks its year has."""
    first = day - dt.timedelta(days=(day.weekday() - week_start) % 7)
    year = (first + dt.timedelta(days=3)).year
    one = week_one(year, week_start)
    return (first - one).days // 7 + 1, (week_one(year + 1, week_start) - one).days // 7


def allowed(day, freq, numbers, days, start, week_start):
    month_length = calendar.monthrange(day.year, day.month)[1]
    year_length = 366 if calendar.isleap(day.year) else 365
    year_day = day.timetuple().tm_yday
    names_days = days or any(k in numbers for k in ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"))
    if "BYMONTH" in numbers and day.month not in numbers["BYMONTH"]:
        return False
    if "BYMONTHDAY" in numbers and not holds(numbers["BYMONTHDAY"], day.day, month_length):
        return False
    if "BYYEARDAY" in numbers and not holds(numbers["BYYEARDAY"], year_day, year_length):
        return False
    if "BYWEEKNO" in numbers:
        if not holds(numbers["BYWEEKNO"], *week(day, week_start)):
            return False
        only = not days and "BYMONTHDAY" not in numbers and "BYYEARDAY" not in numbers
        if only and day.weekday() != start.weekday():
            return False
    if not names_days:
        if freq == "WEEKLY":
            return day.weekday() == start.weekday()
        if freq == "YEARLY" and "BYMONTH" not in numbers and day.month != start.month:
            return False
        return day.day == start.day
    if days:
        in_year = freq == "YEARLY" and "BYMONTH" not in numbers
        place, length = (year_day, year_length) if in_year else (day.day, month_length)
        nth, from_end = (place - 1) // 7 + 1, -((length - place) // 7 + 1)
        return any(day.weekday() == w and n in (0, nth, from_end) for n, w in days)
    return True


def periods(freq, interval, start, week_start, last_year):
    """The first day of each period that INTERVAL leaves, and of the one after it."""
    if freq == "YEARLY":
        for year in range(start.year, last_year + 1, interval):
            yield dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    elif freq == "MONTHLY":
        first = start.year * 12 + start.month - 1
        for number in range(first, (last_year + 1) * 12, interval):
            after = number + 1
            yield dt.date(number // 12, number % 12 + 1, 1), dt.date(after // 12, after % 12 + 1, 1)
    else:
        first = start.date() - dt.timedelta(days=(start.weekday() - week_start) % 7)
        while first.year <= last_year:
            yield first, first + dt.timedelta(days=7)
            first += dt.timedelta(days=7 * interval)


def expand(text, start, most, last_year):
    parts, numbers, days = parse(text)
    freq = parts["FREQ"]
    week_start = WEEKDAYS.index(parts.get("WKST", "MO"))
    times = sorted(
        dt.time(*time)
        for time in itertools.product(
            numbers.get("BYHOUR", [start.hour]),
            numbers.get("BYMINUTE", [start.minute]),
            numbers.get("BYSECOND", [start.second]),
        )
    )
    until = parts.get("UNTIL")
    until = dt.datetime.strptime(until, "%Y%m%dT%H%M%S") if until else dt.datetime.max
    most = min(most, int(parts.get("COUNT", most)))
    found = []
    for first, after in periods(freq, int(parts.get("INTERVAL", 1)), start, week_start, last_year):
        span = (first + dt.timedelta(days=n) for n in range((after - first).days))
        kept = [day for day in span if allowed(day, freq, numbers, days, start, week_start)]
        every = [dt.datetime.combine(day, time) for day in kept for time in times]
        if "BYSETPOS" in numbers:
            size = len(every)
            places = {n - 1 if n > 0 else size + n for n in numbers["BYSETPOS"]}
            every = [every[place] for place in sorted(places) if 0 <= place < size]
        for at in every:
            if at < start:
                continue
            if at > until or at.year > last_year or len(found) == most:
                return found
            found.append(at)
    return found
