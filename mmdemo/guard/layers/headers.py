"""What every response says to the browser: whose scripts may run, who may frame the page, and what goes along."""

from typing import Any

HUB = ("https://huggingface.co", "https://*.hf.space")  # its pages show a Space in a frame

# Gradio and the parts of our page bring their scripts and styles within the page; it compiles templates of components.
_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-src": "'none'",
    "frame-ancestors": " ".join(("'self'", *HUB)),
}
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", "; ".join(f"{name} {value}" for name, value in _POLICY.items()).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
_OURS = {name for name, _ in HEADERS}


class Headers:
    """Adds HEADERS to each response, refusals included."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def dressed(message: Any) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() not in _OURS]
                message = {**message, "headers": [*others, *HEADERS]}
            await send(message)

        await self._app(scope, receive, dressed)
