"""The draw of confident answers that people are asked about all the same."""

import hashlib

import pytest

from annotations.acquisition import strata
from annotations.acquisition.strata import held_out_draw, is_held_out

IDS = [hashlib.sha256(bytes([number % 256, number // 256])).hexdigest() for number in range(4_000)]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_the_audit_draws_about_its_share(share: float) -> None:
    drawn = sum(strata.is_audited(sample_id, share) for sample_id in IDS)
    assert drawn == pytest.approx(share * len(IDS), abs=3 * (len(IDS) * share * (1 - share)) ** 0.5)


def test_the_audit_is_steady_grows_with_its_share_and_is_independent_of_the_held_out_choice() -> None:
    some = {sample_id for sample_id in IDS if strata.is_audited(sample_id, 0.2)}
    assert some == {sample_id for sample_id in IDS if strata.is_audited(sample_id, 0.2)}
    assert some < {sample_id for sample_id in IDS if strata.is_audited(sample_id, 0.3)}
    both = sum(is_held_out(held_out_draw(sample_id), 0.3) for sample_id in some)
    assert both == pytest.approx(0.3 * len(some), abs=3 * (len(some) * 0.3 * 0.7) ** 0.5)
