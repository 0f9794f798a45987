"""Runs tap-intercom against another host than Intercom's, which it does not let one choose.

python tap_intercom_main.py URL (the tap's own arguments)
"""

from __future__ import annotations

import sys
from typing import Any

from tap_intercom import client, main

url = sys.argv.pop(1)
begin = client.IntercomClient.__init__


def at_the_url(self: Any, *arguments: Any, **named: Any) -> None:
    begin(self, *arguments, **named)
    self.base_url = url


client.IntercomClient.__init__ = at_the_url
main()
