"""What a browser says it is, in words.

Belongs here: reading a user agent for lists of sessions. Does not belong here: any decision; a user agent is whatever
its sender likes.
"""

from __future__ import annotations

import re
from typing import Final

# In this order: each browser also names those that it wants to be taken for.
_BROWSERS: Final = (
    ("wxwork/", "企业微信", "WeCom"),
    ("micromessenger/", "微信", "WeChat"),
    ("dingtalk", "钉钉", "DingTalk"),
    ("edg(e|a|ios)?/", "Edge", "Edge"),
    ("opr/|opera", "Opera", "Opera"),
    ("qqbrowser/", "QQ 浏览器", "QQ Browser"),
    ("ucbrowser/", "UC 浏览器", "UC Browser"),
    ("quark/", "夸克", "Quark"),
    ("huaweibrowser/", "华为浏览器", "Huawei Browser"),
    ("miuibrowser/", "小米浏览器", "Mi Browser"),
    ("samsungbrowser/", "三星浏览器", "Samsung Internet"),
    ("firefox/|fxios/", "Firefox", "Firefox"),
    ("chrome/|chromium/|crios/", "Chrome", "Chrome"),
    ("safari/", "Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("harmonyos|openharmony", "HarmonyOS"),
    ("android", "Android"),
    ("iphone", "iPhone"),
    ("ipad", "iPad"),
    ("windows", "Windows"),
    ("mac os x|macintosh", "macOS"),
    ("cros", "ChromeOS"),
    ("linux", "Linux"),
)


def device_of(user_agent: str, language: str) -> str:
    """Browser and system, for example ``Chrome · Windows``; an unknown device is said to be one."""
    agent = user_agent.casefold()
    browser = next((zh if language == "zh" else en for pattern, zh, en in _BROWSERS if re.search(pattern, agent)), None)
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, agent)), None)
    known = " · ".join(part for part in (browser, system) if part)
    return known or ("未知设备" if language == "zh" else "unknown device")
