"""What disk and database say, as one sentence each."""

import errno
import os

import pytest

from annotations.store import problems


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EACCES, "cannot be written"),
        (errno.EROFS, "cannot be written"),
        (errno.ENOENT, "cannot be made one"),
        (errno.ENOTDIR, "cannot be made one"),
        (errno.EIO, "cannot be used"),
    ],
)
def test_a_failed_file_operation(code: int, said: str) -> None:
    sentence = problems.from_os(OSError(code, os.strerror(code)), "/some/home").sentence()
    assert said in sentence and sentence.startswith(("/some/home", "The disk of /some/home"))
