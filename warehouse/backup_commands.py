"""Commands about backups: create, list, verify, restore, keep."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warehouse.settings import load_settings

if TYPE_CHECKING:
    from warehouse.backup.library import Library, Listed

_WHERE = typer.Option("--from", help="Folder or URL of the backups; PARK_BACKUP_URL when absent.")
_IDENTITY = typer.Option("--identity", help="File of the age identity; PARK_BACKUP_IDENTITY_FILE when absent.")


def register(app: typer.Typer) -> None:
    """Add ``park backup``."""
    backup = typer.Typer(help="Backups: create, list, verify, restore, keep.", no_args_is_help=True)
    app.add_typer(backup, name="backup")

    @backup.command()
    def create(
        proved: Annotated[bool, typer.Option("--verify/--no-verify", help="Prove it by restoring it.")] = True,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    ) -> None:
        """Take a backup, then prove it by restoring it into a scratch folder; exit code 1 when that fails."""
        from warehouse.backup.create import create as take
        from warehouse.backup.seal import opener_of
        from warehouse.backup.verify import verify as prove

        settings = load_settings()
        library = _library("")
        summary = take(settings, library, progress=_tell)
        if proved:
            prove(settings, library, opener_of(settings), summary.backup_id, progress=_tell)
        listed = library.one(summary.backup_id)
        typer.echo(json.dumps(_as_dict(listed)) if as_json else _line(listed))
        _fail_unless_good(listed)

    @backup.command("list")
    def list_backups(
        where: Annotated[str, _WHERE] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    ) -> None:
        """List the backups, newest first."""
        found = _library(where).listed()
        if as_json:
            typer.echo(json.dumps([_as_dict(one) for one in found]))
        else:
            for one in found:
                typer.echo(_line(one))

    @backup.command()
    def verify(
        backup_id: Annotated[str, typer.Argument(help="Its name, or newest.")] = "newest",
        where: Annotated[str, _WHERE] = "",
        identity: Annotated[Path | None, _IDENTITY] = None,
    ) -> None:
        """Restore a backup into a scratch folder and compare rows, sums and the operator log; exit code 1 if not."""
        from warehouse.backup.seal import opener_of
        from warehouse.backup.verify import verify as prove

        settings = load_settings()
        library = _library(where)
        listed = library.one(backup_id)
        prove(settings, library, opener_of(settings, identity), listed.backup_id, progress=_tell)
        listed = library.one(listed.backup_id)
        typer.echo(_line(listed))
        _fail_unless_good(listed)

    @backup.command()
    def restore(
        backup_id: Annotated[str, typer.Argument(help="Its name, or newest.")] = "newest",
        where: Annotated[str, _WHERE] = "",
        identity: Annotated[Path | None, _IDENTITY] = None,
        confirm: Annotated[
            str, typer.Option("--confirm", help="The backup's name once more, when data is there that it replaces.")
        ] = "",
    ) -> None:
        """Bring a backup back into this instance, which must not run; a journal that was kept is landed again."""
        from warehouse.backup.restore import restore as bring_back
        from warehouse.backup.seal import opener_of

        settings = load_settings()
        done = bring_back(
            settings,
            _library(where),
            opener_of(settings, identity),
            backup_id,
            confirmation=confirm.strip(),
            progress=_tell,
        )
        zh = settings.language == "zh"
        typer.echo(
            f"已恢复 {done.listed.summary.point_at:%Y-%m-%d %H:%M:%S} UTC 的备份 {done.listed.backup_id}；"
            f"待入库日志段：备份中 {done.segments_from_backup}，保留的 {done.segments_kept}"
            if zh
            else f"restored {done.listed.backup_id} of {done.listed.summary.point_at:%Y-%m-%d %H:%M:%S} UTC; segments "
            f"to land: {done.segments_from_backup} of the backup, {done.segments_kept} that were kept"
        )
        if done.moved_to is not None:
            typer.echo(f"原有数据在 {done.moved_to}" if zh else f"what was there is in {done.moved_to}")
        if not done.has_key:
            typer.echo(
                "此备份不含密钥文件：请放回 secret.key，否则已存的密钥与上传凭证无法使用"
                if zh
                else "this backup holds no key file: put secret.key back, else stored secrets cannot be used",
                err=True,
            )
        typer.echo("下一步：park doctor，然后 park up" if zh else "next: park doctor, then park up")

    @backup.command()
    def keep(
        count: Annotated[int | None, typer.Option(help="Newest backups to keep; PARK_BACKUP_KEEP_COUNT.")] = None,
        days: Annotated[int | None, typer.Option(help="Days to keep every backup of; PARK_BACKUP_KEEP_DAYS.")] = None,
    ) -> None:
        """Forget the backups that the rule does not keep, and delete what no other backup needs."""
        from warehouse.backup.keep import sweep

        settings = load_settings()
        swept = sweep(
            settings,
            _library(""),
            datetime.now(UTC),
            count=settings.backup_keep_count if count is None else count,
            days=settings.backup_keep_days if days is None else days,
        )
        for backup_id in swept.backups:
            typer.echo(backup_id)
        typer.echo(f"{len(swept.backups)} backups, {swept.files} files, {swept.bytes / 1e6:,.1f} MB")


def _library(where: str) -> Library:
    from warehouse.backup.library import Library, library_of
    from warehouse.backup.place import open_place

    settings = load_settings()
    return Library(open_place(settings, where)) if where else library_of(settings)


def _tell(step: str) -> None:
    typer.echo(step, err=True)


def _as_dict(listed: Listed) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(listed.summary)
    found["verified"] = None if listed.verified is None else msgspec.to_builtins(listed.verified)
    return found


def _line(listed: Listed) -> str:
    summary, verified = listed.summary, listed.verified
    proof = "not verified"
    if verified is not None:
        proof = f"verified {verified.at:%Y-%m-%d %H:%M}Z" if verified.is_good else f"BAD: {verified.en}"
    return (
        f"{summary.backup_id:<24} {summary.bytes / 1e6:>12,.1f} MB {summary.new_bytes / 1e6:>10,.1f} MB new "
        f"{summary.seconds:>8.1f} s  {'age' if summary.recipients else 'plain':<5}  {proof}"
    )


def _fail_unless_good(listed: Listed) -> None:
    if listed.verified is not None and not listed.verified.is_good:
        raise typer.Exit(1)
