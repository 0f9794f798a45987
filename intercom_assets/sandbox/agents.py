"""What AI agents leave in a conversation."""

from __future__ import annotations

from intercom_assets.sandbox.plan import Record

_RESOLUTIONS = (
    "assumed_resolution",
    "confirmed_resolution",
    "escalated",
    "negative_feedback",
    "procedure_handoff",
    None,
)
_OUTCOMES = ("qualified", "disqualified", "product_discovery", "escalated_to_support", "spam")


def ai_agent(n: int, at: int) -> Record:
    """The support agent's part in the nth conversation that it took part in."""
    rated = n % 2 == 0
    sources = _content_sources(n)
    return {
        "source_type": ("workflow", "profile", "essentials_plan_setup")[n % 3],
        "source_title": ("My AI Workflow", "Profil", None)[n % 3],
        "last_answer_type": ("ai_answer", "custom_answer", None)[n % 3],
        "resolution_state": _RESOLUTIONS[n % len(_RESOLUTIONS)],
        "rating": n % 5 + 1 if rated else None,
        "rating_remark": "Très bien 👍" if rated else None,
        "created_at": at if rated else None,
        "updated_at": at if rated else None,
        "content_sources": {
            "type": "content_source.list",
            "total_count": len(sources),
            "content_sources": sources,
        },
    }


def _content_sources(n: int) -> list[Record]:
    kinds = ("content_snippet", "article", "external_content", "file")
    url = "/fin-ai-agent/content?content={}&id={}"
    return [
        {
            "content_type": kinds[(n + k) % len(kinds)],
            "url": url.format(kinds[(n + k) % len(kinds)], 3_234_924 + n),
            "title": f"How to sync, pt. {k + 1}",
            "locale": ("en", "pt-BR")[k % 2],
        }
        for k in range(n % 3)
    ]


def sales_agent(n: int) -> Record:
    """The sales agent's part."""
    return {
        "outcome": _OUTCOMES[n % len(_OUTCOMES)],
        "routing_outcome": "enterprise_sales" if n % 2 == 0 else None,
        "collected_data": {
            "email": f"lead{n}@example.com",
            "company.name": "Acme Inc",
            "größe": "10",
        },
    }
