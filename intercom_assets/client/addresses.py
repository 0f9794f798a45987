"""Where a call goes: always to the configured host, whatever host an answer names."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from intercom_assets.client.errors import RequestRefused
from intercom_assets.client.setting_checks import REGIONS

_OWN_HOSTS = {urlsplit(url).hostname for url in REGIONS.values()}
_PORTS = {"http": 80, "https": 443}


def address_of(path: str, base_url: str) -> str:
    """The URL of a call on the configured host.

    Intercom names the next page by a URL, and its host may be another of Intercom's own (the US one
    for a workspace in Europe) where a region or a proxy is configured. What counts in it is path
    and query; a proxy's prefix, which Intercom does not know, is put before them.

    Args:
        path: A path, or a URL that an answer named.
        base_url: The configured host, with a path before every call's if it has one.

    Raises:
        RequestRefused: When the URL is on a stranger's host.
    """
    if "://" not in path:
        return f"{base_url}/{path.lstrip('/')}"
    named, base = urlsplit(path), urlsplit(base_url)
    if not _is_ours(named, base):
        raise RequestRefused(
            f"Intercom named a page on another host, {named.netloc!r}, than the configured "
            f"{base_url}; the token is not sent there. If your workspace is hosted in another "
            "region, set INTERCOM_REGION; if a proxy is in between, INTERCOM_BASE_URL"
        )
    has_prefix = named.path.startswith(f"{base.path}/")
    query = f"?{named.query}" if named.query else ""
    return f"{base.scheme}://{base.netloc}{'' if has_prefix else base.path}{named.path}{query}"


def _is_ours(named: SplitResult, base: SplitResult) -> bool:
    if named.scheme not in _PORTS or named.username is not None:
        return False
    if named.hostname in _OWN_HOSTS:
        return named.port in (None, 443)
    if named.hostname != base.hostname:
        return False
    ports = [part.port or _PORTS[part.scheme] for part in (named, base)]
    if named.scheme == base.scheme:
        return ports[0] == ports[1]
    # A proxy that ends TLS may write http into the URLs of the answers that it passes on.
    return ports == [_PORTS[named.scheme], _PORTS[base.scheme]]
