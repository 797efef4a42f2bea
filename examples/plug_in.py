"""Anybody's Gradio app with the loop behind it: `python -m examples.plug_in`. What it doubts waits in Review."""

import gradio as gr

from annotations import DoubtFlagger

GLAD, SAD = {"good", "great", "happy", "love", "smile"}, {"bad", "sad", "hate", "angry", "lost"}


def classify(caption: str) -> dict[str, float]:
    """Stand in for your own model: count glad and sad words."""
    words = caption.lower().split()
    scores = {"negative": len(SAD.intersection(words)), "neutral": 0.5, "positive": len(GLAD.intersection(words))}
    return {label: score / sum(scores.values()) for label, score in scores.items()}


demo = gr.Interface(
    classify,
    gr.Textbox(label="Caption"),
    gr.Label(label="Sentiment"),
    description="Captions that the model is unsure about are kept, so that people can label them.",
    flagging_mode="auto",
    flagging_callback=DoubtFlagger(task="sentiment", model_version="word-list-1"),
)

if __name__ == "__main__":
    demo.launch()
