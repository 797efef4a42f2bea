"""The guard as a whole: an ASGI application around Gradio's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mmdemo.guard.beyond import Beyond
from mmdemo.guard.bodies import Bodies
from mmdemo.guard.callers import Callers
from mmdemo.guard.headers import Headers
from mmdemo.guard.limits import RequestLimits
from mmdemo.guard.origins import Origins
from mmdemo.guard.pace import Pace
from mmdemo.guard.prepared import Prepared
from mmdemo.guard.refusals import Refusing
from mmdemo.guard.routes import Routes
from mmdemo.guard.shares import Shares
from mmdemo.guard.uploads import Folder, Uploads


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
