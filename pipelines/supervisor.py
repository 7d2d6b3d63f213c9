"""Keeps child processes running: starts them in order, waits until they are healthy, restarts, stops.

Belongs here: processes, their logs and their end. Does not belong here: which services an instance has
(``pipelines.services``).

Children end when this process ends, whatever ends it: the kernel tells them (PR_SET_PDEATHSIG). Each leads a process
group of its own, so that a Ctrl-C in the terminal reaches only the supervisor, which stops them in order, and so that
what a child started itself goes with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from warehouse.errors import ParkError

_PR_SET_PDEATHSIG: Final = 1
_LOG_BYTES: Final = 10 * 1024 * 1024
_ROTATE_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.2
_LONGEST_DELAY: Final = 60.0
# A child that ran for this long before it crashed starts again without the growing delay.
_STEADY_SECONDS: Final = 60.0
# Crashes in a row before a start is given up.
_START_ATTEMPTS: Final = 3

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Service:
    """One child process.

    Attributes:
        name: of its log file and in messages.
        command: program and arguments.
        health_url: answers with 2xx once the service works; None when there is nothing to ask.
        health_socket: Unix socket that accepts connections once the service works.
        stop_phase: services of a lower phase are stopped first.
        start_seconds: longest time until it is healthy.
    """

    name: str
    command: Sequence[str]
    health_url: str | None = None
    health_socket: Path | None = None
    stop_phase: int = 0
    start_seconds: float = 120.0
    environment: dict[str, str] = field(default_factory=dict)


class _Child:
    """A service and the process that runs it now."""

    def __init__(self, service: Service, log_path: Path) -> None:
        self.service = service
        self.log_file = log_path / f"{service.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.crashes = 0

    def start(self) -> None:
        """Start the process; must be called by the main thread, with whose end the kernel ends the child."""
        supervisor = os.getpid()
        # Into the file itself and not through us: what outlives us for a moment must not stumble over a closed pipe.
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                list(self.service.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | self.service.environment,
                preexec_fn=lambda: _end_with(supervisor),
            )
        self.started_at, self.restart_at = time.monotonic(), None

    def rotate_log(self) -> None:
        """Keep one older part; the child goes on appending to the same file."""
        with contextlib.suppress(FileNotFoundError):
            if self.log_file.stat().st_size > _LOG_BYTES:
                shutil.copyfile(self.log_file, self.log_file.with_suffix(".log.1"))
                os.truncate(self.log_file, 0)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def is_healthy(self) -> bool:
        if not self.is_running:
            return False
        if self.service.health_url is not None:
            return _answers(self.service.health_url)
        if self.service.health_socket is not None:
            return _accepts(self.service.health_socket)
        return time.monotonic() - self.started_at > 1.0

    def signal(self, number: int) -> None:
        """Signal the whole group, also when its leader is gone."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def last_words(self, lines: int = 5) -> str:
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""


class Supervisor:
    """Runs services until ``stop`` is set."""

    def __init__(self, log_path: Path, tell: Tell, *, stop_seconds: float = 10.0) -> None:
        """Nothing is started yet; ``stop_seconds`` bounds the end of each phase."""
        log_path.mkdir(parents=True, exist_ok=True)
        self._log_path = log_path
        self._tell = tell
        self._stop_seconds = stop_seconds
        self._children: list[_Child] = []
        self._restarts: Counter[str] = Counter()
        self.stop = threading.Event()

    def start(self, services: Sequence[Service]) -> None:
        """Start ``services`` together and wait until all are healthy.

        Raises:
            ParkError: one of them does not start; all children are to be stopped then.
        """
        children = [_Child(service, self._log_path) for service in services]
        self._children += children
        for child in children:
            child.start()
        waiting = list(children)
        while waiting and not self.stop.is_set():
            for child in list(waiting):
                if child.is_healthy():
                    waiting.remove(child)
                elif time.monotonic() - child.started_at > child.service.start_seconds:
                    raise _not_started(child, f"{child.service.start_seconds:.0f} s")
            self._restart_crashed(attempts=_START_ATTEMPTS)
            self.stop.wait(_POLL_SECONDS)

    def restarts(self) -> dict[str, float]:
        """How often a service was started again, all together and by name; another thread may ask."""
        by_name = {f"{name.replace('-', '_')}_restarts": float(count) for name, count in list(self._restarts.items())}
        return {"restarts": float(sum(by_name.values()))} | by_name

    def watch(self) -> None:
        """Restart what crashes, until ``stop`` is set."""
        rotated_at = 0.0
        while not self.stop.wait(_POLL_SECONDS):
            self._restart_crashed(attempts=None)
            if time.monotonic() - rotated_at > _ROTATE_SECONDS:
                rotated_at = time.monotonic()
                for child in self._children:
                    child.rotate_log()

    def _restart_crashed(self, attempts: int | None) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.is_running:
                continue
            if child.restart_at is not None:
                if now >= child.restart_at:
                    child.start()
                    self._restarts[child.service.name] += 1
                continue
            assert child.process is not None
            child.signal(signal.SIGKILL)  # what it left behind
            child.crashes = 1 if now - child.started_at > _STEADY_SECONDS else child.crashes + 1
            if attempts is not None and child.crashes >= attempts:
                raise _not_started(child, f"exit code {child.process.returncode}")
            delay = min(_LONGEST_DELAY, 2.0 ** (child.crashes - 1))
            child.restart_at = now + delay
            self._tell(
                f"{child.service.name} ended with exit code {child.process.returncode}; "
                f"starts again in {delay:.0f} s ({child.log_file})"
            )

    def shut_down(self) -> None:
        """End all children, phase by phase, within a bounded time."""
        for phase in sorted({child.service.stop_phase for child in self._children}):
            leaving = [child for child in self._children if child.service.stop_phase == phase]
            for child in leaving:
                if child.is_running:
                    child.signal(signal.SIGTERM)
            deadline = time.monotonic() + self._stop_seconds
            while any(child.is_running for child in leaving) and time.monotonic() < deadline:
                time.sleep(0.05)
            for child in leaving:
                child.signal(signal.SIGKILL)  # also what a child that ended left behind
                if child.process is not None:
                    child.process.wait()
        self._children.clear()


def require_free_port(host: str, port: int, setting: str) -> None:
    """Refuse a port that something listens on.

    Raises:
        ParkError: names the port and the setting that changes it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ParkError(
                zh=f"无法使用地址 {host}:{port}({error.strerror}):停止占用它的程序,或用 {setting} 另设端口",
                en=f"{host}:{port} cannot be used ({error.strerror}): stop what uses it, or set {setting} to another "
                "port",
                code="port_taken",
            ) from error


def local_url(host: str, port: int, path: str = "") -> str:
    """URL at which a server that listens on ``host`` answers on this machine."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reachable}]:{port}{path}" if ":" in reachable else f"http://{reachable}:{port}{path}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own http:// address
            return int(answer.status) // 100 == 2
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _end_with(parent: int) -> None:
    """In the child before it becomes the program: ask for SIGTERM when the parent dies."""
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)


def _not_started(child: _Child, why: str) -> ParkError:
    words = child.last_words()
    return ParkError(
        zh=f"{child.service.name} 未能启动({why}),日志 {child.log_file}:\n{words}",
        en=f"{child.service.name} did not start ({why}); its log {child.log_file} ends with:\n{words}",
        code="not_started",
    )
