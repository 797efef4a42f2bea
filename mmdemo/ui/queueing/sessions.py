"""What Gradio remembers of a session: nothing.

By itself it notes, session by session and for ten thousand of them, the last value that went into and came out of
every call. What a visitor sent would stay there after it was deleted, and a call of a hundred bytes whose answer nobody
fetches would leave a megabyte. The page's own memory is `state.Visits`; here all sessions share one state that takes
nothing in.
"""

from typing import Any

from gradio import Blocks
from gradio.state_holder import SessionState, StateHolder


class NoMemory(SessionState):
    """The page as it was built, whatever is called."""

    def __setitem__(self, key: int, value: Any) -> None:
        """Remember nothing."""

    def _update_config(self, key: int) -> None:
        """Remember nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Remember nothing."""


class Sessions(StateHolder):
    """The same state for every session; it is made once, which takes Gradio milliseconds."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.set_blocks(blocks)
        self._state = NoMemory(blocks)

    def __getitem__(self, session_id: str) -> SessionState:
        return self._state

    def __contains__(self, session_id: str) -> bool:
        return False
