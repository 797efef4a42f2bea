"""The guard as a whole: an ASGI application around Gradio's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mmdemo.guard.callers import Beyond, Callers
from mmdemo.guard.layers.bodies import Bodies
from mmdemo.guard.layers.origins import Headers, Origins
from mmdemo.guard.layers.page_cache import Prepared
from mmdemo.guard.layers.rate_limit import Pace, Shares
from mmdemo.guard.layers.routes import Routes
from mmdemo.guard.layers.uploads import Folder, Uploads
from mmdemo.guard.limits import RequestLimits
from mmdemo.guard.refusals import Refusing


class Guard:
    """`app` behind the guard; what costs least is looked at first."""

    def __init__(self, app: Any, limits: RequestLimits, callers: Callers, folder: Folder) -> None:
        self._app = app
        inner = Beyond(Prepared(app))
        bodies = Uploads(inner, Bodies(inner, limits), limits, callers, folder)
        fair = Shares(Pace(bodies, limits, callers), limits, callers)
        self._guarded = Headers(Refusing(Routes(Origins(fair))))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # What is no request is the application's own start and end.
        await (self._guarded if scope["type"] == "http" else self._app)(scope, receive, send)


def lifespan(folder: Folder) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return what an application does while it serves: look after its folder of uploads."""

    @contextlib.asynccontextmanager
    async def serving(app: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(folder.look_after())
        try:
            yield
        finally:
            task.cancel()

    return serving
