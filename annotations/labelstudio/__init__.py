"""Label Studio beside the Review tab: the queue goes there, what its annotators say comes back."""
