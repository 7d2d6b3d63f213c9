"""What the assets run with: dbt as a process of its own, and its manifest prepared once.

Belongs here: the dbt resource, the parsed project. Does not belong here: what is built in which order (``build.py``).
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from functools import cached_property
from importlib.metadata import version as installed_version
from pathlib import Path

from dagster_dbt import DbtCliResource
from dbt.cli.main import dbtRunner
from filelock import FileLock
from packaging import version

from pipelines.dbt_environment import DBT_PROJECT, apply_environment
from warehouse.errors import ParkError
from warehouse.settings import Settings

# Runs that write to the lake; at most one at a time (dagster.yaml).
WRITER_POOL = "lake_writer"


class InstalledDbt(DbtCliResource):
    """The dbt of this environment; its version is looked up and not asked for, which saves seconds on every run."""

    @cached_property
    def _cli_version(self) -> version.Version:
        return version.parse(installed_version("dbt-core"))


def dbt_resource(settings: Settings, *, target: str | None = None) -> DbtCliResource:
    """Dbt on this instance's lake; ``target`` as in dbt_project/profiles.yml, the settings' when None."""
    apply_environment(settings)
    return InstalledDbt(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
        target=target,
    )


def prepare_manifest(settings: Settings) -> Path:
    """Parse the dbt project when it changed since the last time; returns the manifest file.

    Several processes may ask at once; one parses and the others wait.

    Raises:
        ParkError: the project cannot be parsed.
    """
    folder = settings.home / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    manifest, stamp = folder / "manifest.json", folder / "manifest.hash"
    with FileLock(str(folder / "manifest.lock"), timeout=300):
        current = project_hash()
        if manifest.exists() and stamp.exists() and stamp.read_text() == current:
            return manifest
        apply_environment(settings)
        outcome = dbtRunner().invoke(["parse", "--quiet"])
        if not outcome.success:
            raise ParkError(
                zh=f"dbt 项目无法解析:{outcome.exception}",
                en=f"the dbt project cannot be parsed: {outcome.exception}",
                code="build_failed",
            )
        # Runs write manifests of their own into the target folder; this one only changes with the project.
        shutil.copy(folder / "target" / "manifest.json", manifest)
        stamp.write_text(current)
    return manifest


def project_hash() -> str:
    """Fingerprint of everything that shapes the manifest."""
    digest = hashlib.sha256(installed_version("dbt-core").encode())
    for path in sorted(DBT_PROJECT.rglob("*")):
        if path.suffix in {".sql", ".yml", ".csv"}:
            digest.update(str(path.relative_to(DBT_PROJECT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
