"""What is written for customers and teammates to read."""

from __future__ import annotations

from typing import Any, ClassVar

from intercom_assets.streams.base import CONTENT
from intercom_assets.streams.chart import Chart
from intercom_assets.streams.children import ChildStream
from intercom_assets.streams.newest_first import NewestFirstStream
from intercom_assets.streams.whole import FullTableStream

_BODIES = ("title", "description", "body", "body_markdown")


class Articles(NewestFirstStream):
    """Articles of the help centres."""

    tap_stream_id = "articles"
    swept = True
    group = CONTENT
    path = "/articles"
    # The list is sorted by updated_at, newest first, and knows no filter.
    params: ClassVar[dict[str, Any]] = {"per_page": 250}
    tells_total = True
    docs_page = "articles/listarticles"
    data_key = "data"
    plain = "id type workspace_id author_id state default_locale parent_id parent_type"
    bodies = (*_BODIES, "translated_content")
    chart = Chart(
        "Articles by state, on the day of their last change",
        "select updated_at::date, state, count(*) from {table} group by all",
    )


class ArticleVersions(ChildStream):
    """Every form that an article has had."""

    tap_stream_id = "article_versions"
    group = CONTENT
    default = False
    since = "2.16"
    parent = Articles
    parent_id = "article_id"
    key_properties: ClassVar[list[str]] = ["article_id", "id"]
    path = "/articles/{id}/versions"
    params: ClassVar[dict[str, Any]] = {"per_page": 25}
    docs_page = "articles/listarticleversions"
    data_key = "data"
    plain = "id article_id type locale state author_id created_by_id created_via from_version_id"
    bodies = _BODIES


class InternalArticles(FullTableStream):
    """Articles that only teammates read."""

    tap_stream_id = "internal_articles"
    group = CONTENT
    since = "2.13"
    path = "/internal_articles"
    tells_total = True
    docs_page = "internal-articles/listinternalarticles"
    data_key = "data"
    plain = "id type locale owner_id author_id folder_id"
    bodies = ("title", "body", "body_markdown")


class ContentSnippets(FullTableStream):
    """Short texts for Fin and Copilot."""

    tap_stream_id = "content_snippets"
    group = CONTENT
    since = "2.16"
    path = "/content_snippets"
    params: ClassVar[dict[str, Any]] = {"per_page": 50}
    tells_total = True
    docs_page = "content-snippets/listcontentsnippets"
    data_key = "data"
    plain = "id type locale"
    bodies = ("title", "json_blocks", "body_markdown")


class ContentImportSources(FullTableStream):
    """Where external pages are imported from."""

    tap_stream_id = "content_import_sources"
    group = CONTENT
    since = "2.12"
    path = "/ai/content_import_sources"
    tells_total = True
    docs_page = "ai-content/listcontentimportsources"
    data_key = "data"
    plain = "id type url status sync_behavior"


class ExternalPages(FullTableStream):
    """Pages of other websites for Fin and Copilot."""

    tap_stream_id = "external_pages"
    group = CONTENT
    since = "2.12"
    path = "/ai/external_pages"
    tells_total = True
    docs_page = "ai-content/listexternalpages"
    data_key = "data"
    plain = "id type url locale source_id external_id"
    bodies = ("title", "html")


class Folders(FullTableStream):
    """Folders of the knowledge hub."""

    tap_stream_id = "folders"
    group = CONTENT
    default = False
    since = "2.17"
    path = "/folders"
    params: ClassVar[dict[str, Any]] = {"per_page": 150}
    tells_total = True
    docs_page = "folders/listfolders"
    data_key = "data"
    plain = "id type name parent_folder_id"


class DynamicContents(FullTableStream):
    """Texts that several pieces of content share."""

    tap_stream_id = "dynamic_contents"
    group = CONTENT
    default = False
    since = "2.17"
    path = "/dynamic_contents"
    params: ClassVar[dict[str, Any]] = {"per_page": 50}
    tells_total = True
    docs_page = "dynamic-content/listdynamiccontents"
    data_key = "data"
    plain = "id type name"
