"""What a process is set up with: its environment, its log, its memory."""
