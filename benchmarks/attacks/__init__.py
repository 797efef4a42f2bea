"""What strangers try, a file a subject: name → function. Each tries once, and returns in a word what came of it."""

from benchmarks.attacks import doors, files, lines

ATTACKS = {**doors.ATTACKS, **files.ATTACKS, **lines.ATTACKS}
