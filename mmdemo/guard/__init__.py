"""What stands before Gradio: who calls, by which routes, with how much, and how long it may take."""
