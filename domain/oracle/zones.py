"""Expectations in zones: by the clock, and in absolute time around every kind of transition.

By the clock: dateutil expands without a zone, zoneinfo resolves each reading with fold=0, which is
the first of two and, in a gap, the offset before it (PEP 495), as RFC 5545 §3.3.5 wants it.

In absolute time: every instant of a window is tried, one by one, against the definition.
"""

import datetime as dt
import zoneinfo

import rules

ZONES = [
    "Australia/Lord_Howe",  # half an hour
    "America/Santiago",  # at midnight
    "Africa/Cairo",  # abolished, brought back, at midnight
    "Africa/Casablanca",  # around Ramadan
    "Pacific/Apia",  # a day that never was
    "America/St_Johns",  # at one minute past midnight, until 2011
    "Asia/Gaza",  # decided anew each year
    "Europe/Berlin",
    "America/New_York",
    "Asia/Tehran",
]
FIRST, LAST = dt.datetime(1990, 1, 1), dt.datetime(2040, 12, 31, 23, 59, 59)
CALENDAR_RULES = 40
TIMES = [(0, 0), (0, 0), (0, 30), (1, 0), (1, 30), (2, 0), (2, 15), (2, 30), (3, 0), (9, 0), (23, 30)]
FAMILIES = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=2",
    "FREQ=DAILY;BYHOUR=0,1,2,3,23;BYMINUTE=0,15,30,45",
    "FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,30;BYSETPOS=2,-1",
    "FREQ=WEEKLY;BYDAY=SU",
    "FREQ=WEEKLY;BYDAY=FR,SA,SU,MO",
    "FREQ=WEEKLY;INTERVAL=3;BYDAY=TH,SU",
    "FREQ=MONTHLY;BYDAY=1SU",
    "FREQ=MONTHLY;BYDAY=-1SU,-1FR",
    "FREQ=MONTHLY;BYMONTHDAY=29,30,31",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=YEARLY;BYMONTH=3,4,9,10;BYDAY=SU",
    "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=3,4,9,10,11",
]
ABSOLUTE = [
    (3600, 1, {}),
    (3600, 3, {}),
    (3600, 7, {"BYDAY": ["SA", "SU"]}),
    (3600, 1, {"BYHOUR": [0, 1, 2, 23]}),
    (3600, 1, {"BYMINUTE": [0, 20, 40]}),
    (3600, 2, {"BYMINUTE": [5, 35], "BYHOUR": [0, 1, 2, 3, 4]}),
    (60, 45, {}),
    (60, 20, {"BYHOUR": [1, 2, 3]}),
    (60, 90, {"BYDAY": ["SU", "MO"]}),
    (60, 1, {"BYMINUTE": [0, 30], "BYHOUR": [0, 1, 2]}),
    (60, 7, {"BYMONTHDAY": [1, 2, 3, 25, 26, 27, 28, 29, 30, 31]}),
    (60, 15, {"BYSECOND": [0, 30]}),
    (1, 1, {"BYHOUR": [0], "BYSECOND": [0]}),
    (1, 40, {"BYHOUR": [0, 2, 23]}),
    (1, 7, {"BYMINUTE": [0, 30], "BYDAY": ["FR", "SA", "SU"]}),
    (1, 1, {"BYHOUR": [23], "BYMINUTE": [30], "BYSECOND": [0, 59]}),
]
UTC = dt.timezone.utc


def instant(reading, zone):
    return int(reading.replace(tzinfo=zone, fold=0).astimezone(UTC).timestamp())


def transitions(zone):
    """Instants at which the offset changes, to the minute."""
    found = []
    at = int(FIRST.replace(tzinfo=UTC).timestamp())
    end = int(LAST.replace(tzinfo=UTC).timestamp())

    def offset(t):
        return dt.datetime.fromtimestamp(t, zone).utcoffset()

    while at < end:
        step = at + 86400
        if offset(at) != offset(step):
            low, high = at, step
            while high - low > 1:
                middle = (low + high) // 2
                if offset(middle) == offset(low):
                    low = middle
                else:
                    high = middle
            found.append(high)
        at = step
    return found


def calendar(name, zone, rng, expand, crc):
    # The last local day of the range ends at another instant in each zone: stop before it.
    end = int((LAST - dt.timedelta(days=2)).replace(tzinfo=UTC).timestamp())
    begin = int(FIRST.replace(tzinfo=UTC).timestamp())
    for number in range(CALENDAR_RULES):
        text = FAMILIES[number % len(FAMILIES)]
        day = dt.date(1990, 1, 1) + dt.timedelta(days=rng.randint(0, 700))
        hour, minute = rng.choice(TIMES)
        start = dt.datetime.combine(day, dt.time(hour, minute))
        readings = expand(text, start, 10**9, LAST.year)
        # Two readings at one instant, after a gap, are one occurrence.
        instants = sorted({at for r in readings if begin <= (at := instant(r, zone)) < end})
        yield f"{name}\t{start.isoformat()}\t{text}\t{begin}\t{end}\t{len(instants)}\t{crc(instants):08x}"


def members(start, unit, interval, parts, zone, begin, end):
    """Instants from `begin` to before `end` that are occurrences, by trying each one.

    Step k is k * interval units after the start. Without a part finer than the unit it is a
    candidate itself; otherwise the candidates are what the clock shows in the same unit, at the
    same offset, and with interval 1 whatever it shows. Candidates are kept when the clock shows what the BY parts allow.
    """
    first = instant(start, zone)
    step = unit * interval

    def local(at):
        return dt.datetime.fromtimestamp(at, zone)

    def allowed(at):
        shown = local(at)
        return (
            ("BYDAY" not in parts or rules.WEEKDAYS[shown.weekday()] in parts["BYDAY"])
            and ("BYMONTHDAY" not in parts or shown.day in parts["BYMONTHDAY"])
            and ("BYHOUR" not in parts or shown.hour in parts["BYHOUR"])
            and ("BYMINUTE" not in parts or shown.minute in parts["BYMINUTE"])
            and ("BYSECOND" not in parts or shown.second in parts["BYSECOND"])
        )

    low = first + max(0, (begin - 7200 - first) // step) * step
    steps = range(low, end + 7200, step)
    expands = "BYMINUTE" in parts and unit > 60 or "BYSECOND" in parts and unit > 1
    if not expands:
        return [at for at in steps if begin <= at < end and at >= first and allowed(at)]

    def block(at):
        shown = local(at)
        of_unit = (shown.minute * 60 + shown.second) % unit
        return (shown.utcoffset(), shown.replace(tzinfo=None, fold=0) - dt.timedelta(seconds=of_unit))

    blocks = {block(at) for at in steps}
    each = range(max(begin, first), end, 1 if "BYSECOND" in parts else 60)
    return [at for at in each if allowed(at) and (interval == 1 or block(at) in blocks)]


def absolute(name, zone, rng, crc):
    changes = transitions(zone)
    for number, (unit, interval, parts) in enumerate(ABSOLUTE * 2):
        change = changes[(number * 7 + rng.randint(0, 3)) % len(changes)]
        day = dt.datetime.fromtimestamp(change - rng.randint(2, 300) * 86400, UTC).date()
        hour, minute = rng.choice(TIMES)
        start = dt.datetime.combine(day, dt.time(hour, minute))
        begin = change - change % 60 - 2 * 86400
        end = begin + 4 * 86400
        found = members(start, unit, interval, parts, zone, begin, end)
        freq = {3600: "HOURLY", 60: "MINUTELY", 1: "SECONDLY"}[unit]
        text = f"FREQ={freq}" + (f";INTERVAL={interval}" if interval > 1 else "")
        text += "".join(f";{key}={rules.joined(values)}" for key, values in parts.items())
        yield f"{name}\t{start.isoformat()}\t{text}\t{begin}\t{end}\t{len(found)}\t{crc(found):08x}"


def lines(expand, crc):
    found = []
    for name in ZONES:
        zone = zoneinfo.ZoneInfo(name)
        rng = rules.generator(name)
        found += calendar(name, zone, rng, expand, crc)
        found += absolute(name, zone, rng, crc)
    return found
