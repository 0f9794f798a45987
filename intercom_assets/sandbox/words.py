"""The vocabulary of the sandbox: names, places and messages of a many-tongued world."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada", "Bjørn", "Chloé", "Dmitri", "Edsger", "Fátima", "Grace", "Håkon", "Inês", "José",
    "Kenji", "Łucja", "Mary-Jane", "Ngọc", "Oisín", "Priya", "Quentin", "Renée", "Søren", "Tamar",
    "Ümit", "Věra", "Wangari", "Xóchitl", "Yusuf", "Zoë", "山田", "محمد", "שרה", "Ольга",
    "🦄 Sparkle", "서연",
)  # fmt: skip
LAST_NAMES = (
    "O'Brien", "Müller", "García Márquez", "Nguyễn", "Smith", "Kowalczyk", "van der Berg", "太郎",
    "الخوارزمي", "כהן", "Иванова", "Åström", "D’Angelo", "Okonkwo", "Hopper", "Lovelace 👩‍💻", "김",
)  # fmt: skip
COMPANY_NAMES = (
    "Blue Sun", "Übermut GmbH", "Café Ñandú", "東京データ株式会社", "شركة النور", "R&D <Labs>",
    "Crêpe & Co. 🥞", 'The "Quoted" Company', "Semi;Colon Ltd", "Back\\slash Inc",
    "Ямщик", "Plain Industries",
)  # fmt: skip
INDUSTRIES = ("Software", "Retail", "Health care", "Bildung", "物流", "Banking", None)
PLANS = ("Free", "Starter", "Pro", "Enterprise", "Année spéciale")
TAG_NAMES = (
    "VIP", "churn risk", "beta-tester", "Größe XL", "優先", "מועדף", "🔥 hot",
    "feature request", "bug", "billing", 'say "hi"', "50% off", "a,b;c", "NULL", "trailing space ",
)  # fmt: skip
SEGMENT_NAMES = (
    "Active", "New", "Slipping away", "Inaktiv seit 30 Tagen", "新規",
    "All \"real\" users", "💤 Asleep",
)  # fmt: skip
TEAM_NAMES = ("Support", "Vertrieb", "Équipe Paris", "課金", "Escalations 🚨")
JOB_TITLES = ("Support Engineer", "Head of Support", "Chargée de clientèle", "Fin wrangler 🐟")
TITLES = (
    "Cannot log in", "Rechnung fehlt", "退款请求", "شكرا جزيلا", "Feature request: dark mode 🌙",
    "Re: Re: Fwd: invoice #42", "What does the \"Sync\" button do?",
)  # fmt: skip

# country, region, city, country code, continent code
PLACES = (
    ("United States", "New York", "New York", "USA", "NA"),
    ("Germany", "Bayern", "München", "DEU", "EU"),
    ("Brazil", "São Paulo", "São Paulo", "BRA", "SA"),
    ("Japan", "Tōkyō", "東京", "JPN", "AS"),
    ("Ireland", "Dublin", "Dublin", "IRL", "EU"),
    ("Egypt", "Cairo Governorate", "القاهرة", "EGY", "AF"),
    ("Israel", "Tel Aviv", "תל אביב", "ISR", "AS"),
    ("New Zealand", "Auckland", "Auckland", "NZL", "OC"),
    ("Côte d'Ivoire", None, "Abidjan", "CIV", "AF"),
)

BODIES = (
    "<p>Hello there 👋</p>",
    '<p>Please read <a href="https://example.com/help?a=1&amp;b=2">our guide</a> first.</p>',
    "<p>It costs &lt; 5&nbsp;€ &amp; takes a minute.</p><p>Regards</p>",
    '<div class="intercom-container"><img src="https://example.com/shot.png" alt="shot"></div>',
    "<ul><li>first</li><li>second &mdash; 2nd</li></ul>",
    "<p>مرحبا، لا أستطيع تسجيل الدخول إلى حسابي.</p>",
    "<p>שלום, החשבונית שלי חסרה.</p>",
    "<p>ログインできません。<br>助けてください 🙏🏽</p>",
    "<p>Ich möchte meine <b>Rechnung</b> ändern – geht das?</p>",
    "<blockquote>What they said</blockquote><p>No.</p>",
    "<pre><code>SELECT * FROM \"t\" WHERE a &lt;&gt; 'b';</code></pre>",
    '<p>Mail me at <a href="mailto:me@example.com">me@example.com</a></p>',
    "<h2>Status</h2><p>All&#8203; systems&#x20;go 🟢</p>",
    "<p>Tabs\tand\nnewlines, \u2028 too</p>",
    "plain text without any tag",
    "<p></p>",
)
