"""A bare HTTP client of the sandbox, for tests of the sandbox itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from intercom_assets.sandbox import Sandbox


class Api:
    """Sends what Intercom wants to see; tests change what they are about."""

    def __init__(self, sandbox: Sandbox, version: str | None = "2.16") -> None:
        self.url = sandbox.url
        self.session = requests.Session()
        self.session.headers.update(
            {"Authorization": f"Bearer {sandbox.token}", "Accept": "application/json"}
        )
        if version:
            self.session.headers["Intercom-Version"] = version

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def get(self, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else self.url + path
        return self.session.get(url, timeout=10, **options)

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        return self.session.post(self.url + path, json=body, timeout=10, **options)

    def search(
        self, collection: str, query: object, *, sort: object = "ascending", **pagination: Any
    ) -> requests.Response:
        """Searches; `sort` is an order of updated_at, a whole sort, or None."""
        wanted = {"field": "updated_at", "order": sort} if isinstance(sort, str) else sort
        body = {"query": query, "pagination": pagination, **({"sort": wanted} if wanted else {})}
        return self.post(f"/{collection}/search", body)

    def pages(self, collection: str, query: object, **options: Any) -> Iterator[dict[str, Any]]:
        """Walks a search to its end."""
        cursor: dict[str, str] = {}
        while True:
            page = self.search(collection, query, **options, **cursor).json()
            yield page
            following = page["pages"].get("next")
            if following is None:
                return
            cursor = {"starting_after": following["starting_after"]}

    def ids(self, collection: str, query: object, **options: Any) -> list[str]:
        """The ids that a search finds, in its order."""
        key = "data" if collection == "contacts" else collection
        pages = self.pages(collection, query, **options)
        return [record["id"] for page in pages for record in page[key]]


def code(response: requests.Response) -> tuple[int, str]:
    """Status and code of an error, whose form is checked along the way."""
    body = response.json()
    assert body["type"] == "error.list"
    assert body["request_id"] == response.headers["X-Request-Id"]
    return response.status_code, body["errors"][0]["code"]


def updated(operator: str, value: object) -> dict[str, object]:
    """A filter on updated_at."""
    return {"field": "updated_at", "operator": operator, "value": value}
