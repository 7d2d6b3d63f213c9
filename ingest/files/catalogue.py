"""Finding source profiles and templates, and reading a TOML file into the model with errors an author understands.

Belongs here: where shipped profiles lie, names, translation of model errors.
Does not belong here: the meaning of keys (``profile``).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from ingest.files.profile import Profile, ProfileProblem
from warehouse.errors import ParkError

PROFILES: Final = Path(__file__).resolve().parent.parent / "profiles"
TEMPLATES: Final = PROFILES / "templates"


def profile_names() -> list[str]:
    """Names of the shipped profiles, sorted."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def template_names() -> list[str]:
    """Names of the shipped CSV templates, sorted."""
    return sorted(path.stem for path in TEMPLATES.glob("*.csv"))


def template_text(name: str) -> str:
    """The template file ``name``: header and one example row.

    Raises:
        ParkError: there is no such template.
    """
    if name not in template_names():
        raise ParkError(
            zh=f"没有模板 {name!r}，可用：{', '.join(template_names())}",
            en=f"there is no template {name!r}; templates: {', '.join(template_names())}",
            code="unknown_template",
        )
    return (TEMPLATES / f"{name}.csv").read_text(encoding="utf-8")


def load_profile(name_or_path: str) -> Profile:
    """The shipped profile of that name, or the profile in that file.

    Raises:
        ParkError: no such profile, no valid TOML, or a key that breaks a rule; names file, key and allowed values.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and name_or_path in profile_names():
        path = PROFILES / f"{name_or_path}.toml"
    if path.suffix != ".toml" or not path.is_file():
        raise ParkError(
            zh=f"没有来源配置 {name_or_path!r}：可用名称 {', '.join(profile_names())}，或一个 .toml 文件的路径",
            en=f"there is no source profile {name_or_path!r}: use one of {', '.join(profile_names())}, or "
            "the path of a "
            ".toml file",
            code="unknown_profile",
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParkError(
            zh=f"来源配置 {path} 不是有效的 UTF-8 TOML 文件：{error}",
            en=f"source profile {path} is not a valid UTF-8 TOML file: {error}",
            code="bad_profile",
        ) from error
    return parse_profile(content, str(path), path.stem)


def parse_profile(content: dict[str, Any], origin: str, name: str) -> Profile:
    """Check the parsed TOML ``content`` of the file ``origin``; ``name`` is the profile's name when it states none.

    Raises:
        ParkError: with one line per problem.
    """
    try:
        return Profile.model_validate({"name": name} | content)
    except ValidationError as error:
        problems = [_worded(dict(detail)) for detail in error.errors()]
        raise ParkError(
            zh=f"来源配置 {origin} 有误:" + ";".join(zh for zh, _ in problems),
            en=f"source profile {origin} is wrong: " + "; ".join(en for _, en in problems),
            code="bad_profile",
        ) from error


def _key(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(file)"


def _worded(detail: dict[str, Any]) -> tuple[str, str]:
    key = _key(detail["loc"])
    context = detail.get("ctx", {})
    problem = context.get("error")
    if isinstance(problem, ProfileProblem):
        return f"{key}:{problem.zh}", f"{key}: {problem.en}"
    kind = detail["type"]
    if kind == "extra_forbidden":
        allowed = ", ".join(_allowed_keys(detail["loc"][:-1]))
        return f"{key}：没有这个键，可用：{allowed}", f"{key}: no such key; allowed: {allowed}"
    if kind == "missing":
        return f"{key}：缺少必填键", f"{key}: this key is required"
    if kind == "literal_error":
        expected = context["expected"].replace(" or ", ", ")
        return (
            f"{key}：值 {detail['input']!r} 无效，可用：{expected}",
            f"{key}: {detail['input']!r} is not allowed; allowed: {expected}",
        )
    return (
        f"{key}：值 {detail['input']!r} 无效（{detail['msg']}）",
        f"{key}: {detail['input']!r} is not valid ({detail['msg']})",
    )


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys of the section at ``location`` of the model."""
    model: Any = Profile
    for part in location:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        field = model.model_fields.get(part)
        if field is None:  # a name chosen by the author: [codes.NAME], fields.NAME
            continue
        model = _inner_model(field.annotation) or model
    return sorted(model.model_fields)


def _inner_model(annotation: Any) -> Any | None:
    if hasattr(annotation, "model_fields"):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None
