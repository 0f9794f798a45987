"""Asset checks, run inside an asset's step once its table is stored.

Each looks at what this run wrote, so that none stays red for ever: what was wrong once is told
once, and a run that wrote nothing finds nothing.
"""

from intercom_assets.checks.catalogue import check_specs
from intercom_assets.checks.run import lacking_checks, run_checks

__all__ = ["check_specs", "lacking_checks", "run_checks"]
