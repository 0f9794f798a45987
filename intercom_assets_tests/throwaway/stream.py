"""Surveys, which a search finds, and what people answered, a call for each survey that changed."""

from __future__ import annotations

from typing import ClassVar

from intercom_assets.streams.base import SUPPORT
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.search import SearchStream


class Surveys(SearchStream):
    """Surveys."""

    tap_stream_id = "surveys"
    group = SUPPORT
    since = "2.16"
    path = "/surveys/search"
    docs_page = "surveys/searchsurveys"
    data_key = "surveys"
    plain = "id type state contact_id"
    bodies = ("title",)
    contact_columns = ("contact_id",)


class SurveyAnswers(ChildStream):
    """What people answered."""

    tap_stream_id = "survey_answers"
    group = SUPPORT
    since = "2.16"
    parent = Surveys
    parent_id = "survey_id"
    path = "/surveys/{id}/answers"
    key_properties: ClassVar[list[str]] = ["survey_id", "id"]
    docs_page = "surveys/listsurveyanswers"
    data_key = "data"
    plain = "survey_id id type"
    bodies = ("body",)
