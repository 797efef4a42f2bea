"""What is shown of a sample: its preview, and what is alike."""
