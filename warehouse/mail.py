"""Sending a mail, with or without an attachment, over SMTP.

Belongs here: the message and the connection. Does not belong here: what is in the report, when to try again.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from warehouse.errors import ParkError
from warehouse.settings import Settings

TIMEOUT_SECONDS: Final = 30
LARGEST_ATTACHMENT: Final = 15 * 1024 * 1024
"""Bytes; as base64 it grows by a third, and many servers refuse more than 20 MiB."""


@dataclass(frozen=True)
class Mail:
    """A mail; ``identity`` is the same however often it is sent, so that mail programs can tell it is one."""

    identity: str
    subject: str
    text: str
    attachment: Path | None
    media_type: str
    addresses: Sequence[str]
    reply_to: str | None = None


def message(settings: Settings, mail: Mail, now: datetime) -> EmailMessage:
    """The mail as it goes over the wire."""
    sender = settings.smtp_sender or settings.smtp_user
    host = sender.rpartition("@")[2] or "parkcloud"
    made = EmailMessage(policy=SMTP)
    made["From"] = Address("ParkCloud 停车云", addr_spec=sender)
    made["To"] = ", ".join(mail.addresses)
    made["Subject"] = " ".join(mail.subject.split())
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{mail.identity}@{host}>"
    made["Auto-Submitted"] = "auto-generated"
    if mail.reply_to:
        made["Reply-To"] = mail.reply_to
    made.set_content(mail.text)
    if mail.attachment is None:
        return made
    main, _, sub = mail.media_type.partition(";")[0].partition("/")
    made.add_attachment(mail.attachment.read_bytes(), maintype=main, subtype=sub, filename=mail.attachment.name)
    return made


def send(settings: Settings, mail: Mail, now: datetime) -> ParkError | None:
    """Send the mail; the answer names addresses that the server refused while it took others.

    Raises:
        ParkError: ``mail_unavailable`` without a mail server in the settings, ``mail_too_large``, ``mail_failed`` when
            the server cannot be reached or takes the mail for nobody.
    """
    if not settings.sends_mail:
        raise ParkError(
            zh="未设置发信服务器：请设置 PARK_SMTP_HOST 与 PARK_SMTP_SENDER，或改为投递到文件夹",
            en="no mail server is set up: set PARK_SMTP_HOST and PARK_SMTP_SENDER, or deliver to the folder",
            code="mail_unavailable",
        )
    size = 0 if mail.attachment is None else mail.attachment.stat().st_size
    if size > LARGEST_ATTACHMENT:
        raise ParkError(
            zh=f"附件 {size:,} 字节，超过 {LARGEST_ATTACHMENT:,} 字节的上限：请缩小范围，或改为投递到文件夹",
            en=f"the attachment of {size:,} bytes exceeds {LARGEST_ATTACHMENT:,}: narrow it, or deliver to the folder",
            code="mail_too_large",
        )
    try:
        with _connection(settings) as server:
            refused = server.send_message(message(settings, mail, now), to_addrs=list(mail.addresses))
    except (OSError, smtplib.SMTPException) as error:
        reason = _reason(error)
        raise ParkError(
            zh=f"发信服务器 {settings.smtp_host}:{settings.smtp_port} 未能发出：{reason}",
            en=f"the mail server {settings.smtp_host}:{settings.smtp_port} did not send it: {reason}",
            code="mail_failed",
        ) from error
    if not refused:
        return None
    names = ", ".join(refused)
    return ParkError(
        zh=f"发信服务器拒收以下地址，其余已发出：{names}",
        en=f"the mail server refused these addresses and took the others: {names}",
    )


def _connection(settings: Settings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if settings.smtp_tls == "tls":
        server = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=TIMEOUT_SECONDS)
    try:
        if settings.smtp_tls == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            password = settings.smtp_password.get_secret_value() if settings.smtp_password is not None else ""
            server.login(settings.smtp_user, password)
    except BaseException:
        server.close()
        raise
    return server


def _reason(error: Exception) -> str:
    """The server's answer in one line; never the password, which no answer repeats."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = [f"{name}: {code} {_text(said)}" for name, (code, said) in error.recipients.items()]
        return "; ".join(answers)[:300]
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"[:300]
    return " ".join(str(error).split())[:300] or type(error).__name__


def _text(said: bytes | str) -> str:
    return " ".join((said.decode("utf-8", "replace") if isinstance(said, bytes) else said).split())
