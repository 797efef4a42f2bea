"""How much one may ask for, from the settings; what each stops stands in docs/operations.md."""

from dataclasses import dataclass

from mmdemo.settings import Settings

KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class RequestLimits:
    """RequestLimits of all routes."""

    upload_bytes: int  # of one file
    connections: int = Settings.max_connections
    connections_each: int = Settings.max_connections_each  # of one caller
    requests_per_s: int = Settings.max_requests_per_s  # of one caller
    wait_s: float = Settings.max_wait_s  # for a request's head, the next piece of its body, or a slow reader
    json_bytes: int = Settings.max_json_kb * KIB
    upload_folder_bytes: int = Settings.max_uploads_mb * MIB  # of all that was uploaded and not asked about yet

    @classmethod
    def of(cls, settings: Settings, upload_bytes: int) -> "RequestLimits":
        """Return what the settings say; `upload_bytes`: the largest file that a task takes."""
        return cls(
            upload_bytes=upload_bytes,
            connections=settings.max_connections,
            connections_each=settings.max_connections_each,
            requests_per_s=settings.max_requests_per_s,
            wait_s=settings.max_wait_s,
            json_bytes=settings.max_json_kb * KIB,
            upload_folder_bytes=settings.max_uploads_mb * MIB,
        )
