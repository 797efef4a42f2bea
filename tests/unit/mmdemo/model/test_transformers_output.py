"""Loading says nothing on standard error, and leaves transformers' bars as they were."""

import pytest
from transformers.utils import logging

from mmdemo.model import transformers_output
from mmdemo.model.model import MultimodalModel
from mmdemo.versions.registry import SHIPPED


def test_loading_weights_draws_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    MultimodalModel.load(SHIPPED / "spoken_digits")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shown", [True, False])
def test_bars_are_afterwards_as_they_were(shown: bool) -> None:
    before = logging.is_progress_bar_enabled()
    try:
        (logging.enable_progress_bar if shown else logging.disable_progress_bar)()
        with pytest.raises(RuntimeError), transformers_output.without_bars():
            assert not logging.is_progress_bar_enabled()
            raise RuntimeError
        assert logging.is_progress_bar_enabled() is shown
    finally:
        (logging.enable_progress_bar if before else logging.disable_progress_bar)()
