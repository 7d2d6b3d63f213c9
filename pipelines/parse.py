"""``python -m pipelines.parse``: parses the dbt project with its contracts, without a lake. Run by ``make lint``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pipelines.resources import prepare_manifest
from warehouse.errors import ParkError
from warehouse.settings import Settings


def main() -> None:
    """Parse into a folder that is thrown away; the exit code says whether it went well."""
    with tempfile.TemporaryDirectory() as home:
        try:
            prepare_manifest(Settings(home=Path(home)))
        except ParkError as error:
            sys.exit(error.en)


if __name__ == "__main__":
    main()
