"""A disk that is full while DVC keeps what a stage has made.

DVC says so of each file, in its own words, ends well all the same, and makes everything anew the
next time, since it lacks a part.
"""

import re

FULL = re.compile(r"^ERROR: .*\[Errno (?:28|122)\]")  # ENOSPC, EDQUOT
CACHE = re.compile(r"-> '(.+)/files/md5/")
FILE = re.compile(r"'([^']+)'$")


def full_disk_sentence(stage: str, line: str) -> str | None:
    """What to tell of a line of DVC's; None where it tells of no full disk."""
    if not FULL.search(line):
        return None
    if cache := CACHE.search(line):
        return (
            f"{cache[1]}: the disk is full, so that DVC's cache lacks what {stage} has made. "
            f"Free some space, run dvc commit {stage}, or it is made anew, and run again"
        )
    where = found[1] if (found := FILE.search(line)) else ".dvc"
    return f"{where}: the disk is full, as DVC worked on {stage}. Free some space and run again"
