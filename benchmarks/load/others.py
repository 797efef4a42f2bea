"""What the app is compared with, each a server of its own: python -m benchmarks.load.others NAME TASK PORT.

"empty" takes the same files and answers nothing; "plain" is a gr.Interface around the same weights, as anybody would
write it: fp32, eager PyTorch, one call at a time.
"""

import sys
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio import FileData

from mmdemo import Sample, tasks
from mmdemo.decode import decode
from mmdemo.tasks import Task


def empty(task: Task) -> gr.Blocks:
    """Return an endpoint of the signature of ours that reads nothing of what it is sent."""

    def predict(
        task: str,
        image: FileData | None = None,
        text: str = "",
        audio: FileData | None = None,
        explain: str = "default",
        keep: bool = False,
    ) -> dict[str, Any]:
        """Answer nothing."""
        return {}

    with gr.Blocks(analytics_enabled=False) as page:
        gr.api(predict, api_name="predict")
    return page


def plain(task: Task) -> gr.Blocks:
    """Return an interface that decodes a sample, asks the network and shows the probabilities."""
    import torch

    from mmdemo.model import MultimodalModel
    from mmdemo.versions.registry import SHIPPED

    model, processor = MultimodalModel.load(SHIPPED / task.name)

    def predict(image: str | None, text: str, audio: str | None) -> dict[str, float]:
        inputs = decode(Sample(image=image, text=text or "", audio=audio), task)
        with torch.inference_mode():
            logits = model(processor([inputs]).batch).logits
        assert logits is not None
        return dict(zip(task.label_names, logits[0].softmax(-1).tolist(), strict=False))

    inputs = [gr.Image(type="filepath"), gr.Textbox(), gr.Audio(type="filepath")]
    return gr.Interface(predict, inputs, gr.Label(), api_name="predict", analytics_enabled=False, flagging_mode="never")


SERVERS: dict[str, Callable[[Task], gr.Blocks]] = {"empty": empty, "plain": plain}


def main() -> None:
    """Serve until ended."""
    name, task, port = sys.argv[1:]
    SERVERS[name](tasks.get(task)).launch(server_name="127.0.0.1", server_port=int(port), quiet=True)


if __name__ == "__main__":
    main()
