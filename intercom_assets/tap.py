"""``python -m intercom_assets.tap``: the Singer tap, which is in `intercom_assets.singer`."""

import sys

from intercom_assets.singer.tap import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
