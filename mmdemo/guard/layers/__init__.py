"""The layers of the guard, one ASGI application around the next: one module each."""
