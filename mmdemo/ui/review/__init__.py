"""The Review tab: the question, the answer, and the list of answers."""
