"""Pictures and sounds that were read lately: files with the same bytes are not decoded again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mmdemo.bounded_memory import BoundedMemory
from mmdemo.decode import files
from mmdemo.tasks import Limits, Task
from mmdemo.values.samples import Medium, Sample

MOST_BYTES = 8 * 2**20  # of arrays: a dozen pictures, or half a minute each of a few sounds
MOST_FILE_BYTES = 2 * 2**20  # of a file that is looked up by what it holds: digesting a larger one takes its time

Key = tuple[str, str, Limits]  # modality, SHA-256 of the file, what it may be


class MediaMemory:
    """Media by the digest of their files' bytes. Threads may share it."""

    def __init__(self) -> None:
        self._kept = BoundedMemory[Key, Medium](MOST_BYTES, lambda medium: medium.array.nbytes)

    def read(self, sample: Sample, task: Task, read_with: Callable[[Sample, Task], Sample]) -> Sample:
        """Return what `read_with` (as `decode.read`) makes of a sample, which is asked about what is not known alone.

        Raises BadInput.
        """
        sources = {"image": sample.image, "audio": sample.audio}
        keys = {name: (name, digest, task.limits) for name, source in sources.items() if (digest := _digest(source))}
        known = self._kept.get(keys.values())
        there: dict[str, Any] = {name: known[key] for name, key in keys.items() if key in known}
        read = read_with(replace(sample, **there), task)
        for name, key in keys.items():
            medium = getattr(read, name)
            if name not in there and medium.digest == key[1]:  # the file did not change meanwhile
                self._kept.put({key: medium})
        return read

    def forget(self, unasked_s: float = 0.0) -> None:
        """Let go of all that nobody asked about in so many seconds."""
        self._kept.forget(unasked_s)


def _digest(source: object) -> str:
    return files.digest(source) if files.size(source) <= MOST_FILE_BYTES else ""
