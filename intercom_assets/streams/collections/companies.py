"""Companies, read by Intercom's scroll: the only way to more than 10,000 of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from intercom_assets.client.errors import ScrollUnavailable, ServerError
from intercom_assets.client.pagination import Page, scroll_pages
from intercom_assets.streams import sublists
from intercom_assets.streams.base import PEOPLE
from intercom_assets.streams.judging import tell
from intercom_assets.streams.refusals import Refusals
from intercom_assets.streams.whole import IncrementalStream
from intercom_assets.threads.overlap import overlap

logger = logging.getLogger(__name__)

# A scroll that nobody continues is closed by Intercom after a minute; there is no call to close it.
SCROLL_EXPIRY_SECONDS = 60.0
# So many scrolls may break, and so often may one fail to start: with waits that double up to the
# expiry, about ten minutes for a scroll that somebody else has open.
MAX_SCROLLS = 16

SUBLISTS = {"notes": sublists.Sublist("/companies/{id}/notes")}


class Companies(IncrementalStream):
    """Companies, of which Intercom allows one open scroll an app."""

    tap_stream_id = "companies"
    swept = True
    group = PEOPLE
    optional = False
    is_long = True
    path = "/companies/scroll"
    data_key = "data"
    docs_page = "companies/scrolloverallcompanies"
    plain = "id type app_id industry"
    bodies = ("notes.body",)
    counted = (*sublists.COUNTED, "scrolls started over")

    def pages(self) -> Iterator[Page]:
        """All companies. After a restart some come a second time, which the key makes harmless."""
        refusals = Refusals("companies")
        # The scroll is read by a thread of its own, so that it does not expire while the records
        # before it are being written.
        for page in overlap([self._scroll], 1, lambda page: page.size):
            tell(page, self.counts, self.tap_stream_id)
            # What was refused needs no note: the next run reads every company.
            for asked in sublists.complete(self, page.records, SUBLISTS):
                refusals.count(asked.refused)
            yield page
        refusals.judge()

    def _scroll(self) -> Iterator[Page]:
        """Scrolls until one scroll has reached its empty page."""
        broken = starts = 0
        while True:
            try:
                for page in scroll_pages(self.client, self.path, key=self.data_key):
                    starts = 0
                    yield page
                return
            except (ScrollUnavailable, ServerError) as problem:
                broken += starts == 0
                starts += 1
                if MAX_SCROLLS in (broken, starts):
                    raise
                wait = min(
                    self.client.settings.retry_wait * 2 ** (starts - 1), SCROLL_EXPIRY_SECONDS
                )
                logger.warning("%s; starting the scroll over in %.0f s", problem, wait)
                self.counts["scrolls started over"] += 1
                time.sleep(wait)
