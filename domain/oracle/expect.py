#!/usr/bin/env python3
"""Writes what python-dateutil and zoneinfo say about generated rules, or checks that it still is so.

    expect.py [--check] DIRECTORY

naive.tsv.gz: start, rule, last year looked at, number of occurrences, the first, the last, CRC-32 of
all, as clock readings without a zone; where the RFC decides otherwise than dateutil also why, and
the number and CRC-32 of what it says. zones.tsv.gz: zone, start, rule, from, to, number of occurrences
in between, CRC-32 of their instants in seconds. The CRC is over the decimal or ISO texts, one a line.
"""

import argparse
import datetime as dt
import gzip
import pathlib
import sys
import types
import zlib
import zoneinfo

from dateutil import rrule

import rfc
import rules
import zones

RULES = 12_000
OCCURRENCES = 30


def crc(lines):
    return zlib.crc32("".join(f"{line}\n" for line in lines).encode())


def expand(text, start, most, last_year):
    """The first occurrences by dateutil, up to the end of a year."""
    # dateutil looks for the next occurrence up to datetime.MAXYEAR, which takes minutes where
    # there is none: let the world end earlier.
    rrule.datetime = types.SimpleNamespace(**{**vars(dt), "MAXYEAR": last_year})
    found = []
    try:
        for at in rrule.rrulestr(text, dtstart=start):
            if at.year > last_year or len(found) == most:
                break
            found.append(at)
    except ValueError as error:
        # Raised for combinations that cannot have an occurrence.
        if "empty" not in str(error):
            raise
    finally:
        rrule.datetime = dt
    return found


def naive():
    rng = rules.generator(5545)
    lines = []
    for _ in range(RULES):
        start = rules.start(rng)
        text = rules.rule(rng, start)
        horizon = 3 if any(f"FREQ={fine}" in text for fine in rules.FINE) else 40
        last_year = start.year + horizon
        found = [at.isoformat() for at in expand(text, start, OCCURRENCES, last_year)]
        first, last = (found[0], found[-1]) if found else ("", "")
        line = f"{start.isoformat()}\t{text}\t{last_year}\t{len(found)}\t{first}\t{last}\t{crc(found):08x}"
        if why := rfc.parts_from_dateutil(text):
            right = [at.isoformat() for at in rfc.expand(text, start, OCCURRENCES, last_year)]
            line += f"\t{why}\t{len(right)}\t{crc(right):08x}"
        lines.append(line)
    return lines


def pack(lines):
    # mtime 0: the same lines make the same file.
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="fail when a file says something else")
    options = parser.parse_args()
    zoneinfo.reset_tzpath(to=[])  # the tzdata package, not what the machine has
    wrong = 0
    for name, lines in (("naive", naive()), ("zones", zones.lines(expand, crc))):
        path = options.directory / f"{name}.tsv.gz"
        if not options.check:
            path.write_bytes(pack(lines))
            print(f"{path}: {len(lines)} lines")
            continue
        stored = gzip.decompress(path.read_bytes()).decode().splitlines()
        differing = sum(a != b for a, b in zip(stored, lines)) + abs(len(stored) - len(lines))
        print(f"{path}: {len(lines)} lines, {differing} differ")
        wrong += differing
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
