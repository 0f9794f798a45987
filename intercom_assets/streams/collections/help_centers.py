"""Help centres, what is in them, and news."""

from __future__ import annotations

from typing import Any, ClassVar

from intercom_assets.streams.base import CONTENT
from intercom_assets.streams.whole import ChildTableStream, FullTableStream


class HelpCenters(FullTableStream):
    """Help centres."""

    tap_stream_id = "help_centers"
    group = CONTENT
    path = "/help_center/help_centers"
    tells_total = True
    docs_page = "help-center/listhelpcenters"
    data_key = "data"
    plain = "id type workspace_id identifier display_name url custom_domain"


class Collections(FullTableStream):
    """Collections of articles."""

    tap_stream_id = "collections"
    group = CONTENT
    path = "/help_center/collections"
    params: ClassVar[dict[str, Any]] = {"per_page": 60}
    tells_total = True
    docs_page = "help-center/listallcollections"
    data_key = "data"
    plain = "id type workspace_id name url icon default_locale parent_id help_center_id"


class HelpCenterRedirects(ChildTableStream):
    """Addresses from which readers are sent on."""

    tap_stream_id = "help_center_redirects"
    group = CONTENT
    since = "2.16"
    parent = HelpCenters
    parent_id = "help_center_id"
    path = "/help_center/help_centers/{id}/redirects"
    tells_total = True
    docs_page = "help-center/listhelpcenterredirects"
    data_key = "data"
    plain = "id help_center_id type from_url locale target_type target_id"


_NEWS = "id type workspace_id sender_id state cover_image_url"


class NewsItems(FullTableStream):
    """News for customers."""

    tap_stream_id = "news_items"
    group = CONTENT
    path = "/news/news_items"
    tells_total = True
    docs_page = "news/listnewsitems"
    data_key = "data"
    plain = _NEWS
    bodies = ("title", "body")


class Newsfeeds(FullTableStream):
    """Feeds of news."""

    tap_stream_id = "newsfeeds"
    group = CONTENT
    path = "/news/newsfeeds"
    tells_total = True
    docs_page = "news/listnewsfeeds"
    data_key = "data"
    plain = "id type name"


class NewsfeedItems(ChildTableStream):
    """News items that are live in each newsfeed."""

    tap_stream_id = "newsfeed_items"
    group = CONTENT
    parent = Newsfeeds
    parent_id = "newsfeed_id"
    key_properties: ClassVar[list[str]] = ["newsfeed_id", "id"]
    path = "/news/newsfeeds/{id}/items"
    tells_total = True
    docs_page = "news/listlivenewsfeeditems"
    data_key = "data"
    plain = f"newsfeed_id {_NEWS}"
    bodies = ("title", "body")
