"""The plain text of messages."""

from __future__ import annotations

import pytest

from intercom_assets.sandbox.text import plaintext


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("no tags", "no tags"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ('See <a href="https://x.example/?a=1&amp;b=2">the <b>guide</b></a>!',
         "See the guide (https://x.example/?a=1&b=2)!"),
        # A label that is the address says it once.
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="https://x.example"><img src="y.png"></a>', "https://x.example"),
        ("5 &lt; 6 &amp; 7&nbsp;€ &#x1F680;", "5 < 6 & 7\u00a0€ 🚀"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ("<style>p {}</style><p>seen</p>", "seen"),
        ('<a href="https://x.example">never closed', "never closed (https://x.example)"),
        ("<p></p>", ""),
    ],
)  # fmt: skip
def test_plaintext(html: str, text: str) -> None:
    assert plaintext(html) == text
