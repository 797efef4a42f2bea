"""Who calls, and what callers hand over: keys, arguments, uploaded files."""
