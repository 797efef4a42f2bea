"""Once around the loop, as a visitor, an annotator and the night would go: by the public API and the command line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file

from annotations.tour.drawings import Drawing
from annotations.tour.first import TASK, Start

ANNOTATOR = "tour"
QUEUE_LIMIT = 500


@dataclass(frozen=True)
class AnsweredDrawing:
    """A drawing and what the app answered."""

    drawing: Drawing
    picture: Path
    answer: dict[str, Any]

    @property
    def right(self) -> bool:
        """The drawing knows the truth."""
        return self.answer["label"] == self.drawing.shape


def client_of(url: str) -> Client:
    """Return a client of the app at `url`, on loopback: without the certificates that every call would read anew."""
    return Client(url, ssl_verify=False, verbose=False)


def ask(client: Client, sheet: Sequence[Drawing], folder: Path, keep: bool) -> list[AnsweredDrawing]:
    """Ask the app about each drawing; `keep`: a visitor who agrees that doubtful ones are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for drawing in sheet:
        picture = folder / f"{drawing.name}.png"
        drawing.picture.save(picture)
        answer = client.predict(TASK, handle_file(picture), "", None, "none", keep, api_name="/predict")
        results.append(AnsweredDrawing(drawing, picture, answer))
    return results


def dispute(client: Client, results: Sequence[AnsweredDrawing]) -> int:
    """Say "that's not right" to each wrong answer that was not doubtful; return how many there were."""
    wrong = [one for one in results if not one.right and not one.answer["flagged"]]
    for one in wrong:
        client.predict(TASK, handle_file(one.picture), "", None, one.drawing.shape, api_name="/suggest")
    return len(wrong)


def correct(client: Client, results: Sequence[AnsweredDrawing]) -> int:
    """Answer the whole queue as its annotator, who sees what the drawing shows; return how many there were."""
    truth = {one.answer["sample_id"]: one.drawing.shape for one in results}
    queue = client.predict(TASK, QUEUE_LIMIT, api_name="/queue")
    for row in queue:
        client.predict(row["sample_id"], truth[row["sample_id"]], ANNOTATOR, "", api_name="/correct")
    return len(queue)


def waiting(client: Client) -> int:
    """Return how many samples still wait for a person."""
    return len(client.predict(TASK, QUEUE_LIMIT, api_name="/queue"))


def retrain(start: Start) -> dict[str, Any]:
    """Run the night as a command and return what it says. Raises CalledProcessError where it fails."""
    return json.loads(start.run("-m", "annotations", "retrain", "--task", TASK, "--json"))[0]


def right(results: Sequence[AnsweredDrawing]) -> int:
    """Return how many answers are right."""
    return sum(one.right for one in results)
