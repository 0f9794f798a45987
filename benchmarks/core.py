"""The twelve streams that the older benchmarks are about, so that their numbers stay comparable."""

CORE = (
    *("companies", "contacts", "company_attributes", "contact_attributes", "tags", "segments"),
    *("company_segments", "conversations", "conversation_parts", "admin_list", "admins", "teams"),
)
