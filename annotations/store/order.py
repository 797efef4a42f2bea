"""In which order people are asked about samples: SQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, or_

from annotations.acquisition.strata import AUDITED
from annotations.schema import SampleRow


def most_doubtful() -> tuple[ColumnElement[Any], ...]:
    """Return the order in which people are asked."""
    return SampleRow.doubt.desc(), SampleRow.created_at.asc(), SampleRow.sample_id.asc()


def sets_aside(share: float) -> ColumnElement[bool]:
    """Return the condition on samples that are never trained on: `strata.is_set_aside`, in SQL."""
    is_check = and_(SampleRow.stratum == AUDITED, SampleRow.propensity.is_not(None))
    return or_(is_check, SampleRow.in_panel, SampleRow.split_draw < share)


def in_turn(aside: Mapping[str, float]) -> tuple[ColumnElement[Any], ...]:
    """Return the order in which Review asks: what judges versions as it came, then the most doubtful.

    `aside`: task → the share of its samples that is set aside. As it came, and none of it before the others: so what is
    not answered yet is no other than what is, and those that are answered can stand for all.
    """
    of_task = (and_(SampleRow.task == task, sets_aside(share)) for task, share in aside.items())
    judges = and_(SampleRow.stratum.is_not(None), or_(false(), *of_task))
    came = case((judges, SampleRow.created_at))
    return case((judges, 0), else_=1), came, *most_doubtful()
