"""Vehicle ids that no sane vehicle has."""

from __future__ import annotations

HOSTILE_IDS = [
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "..",
    ".",
    "+",
    "#",
    "a/b",
    "/",
    "$SYS/x",
    "$share/g/x",
    "%2e%2e%2f",
    "%00",
    '"; "\'`',
    "'; DROP TABLE fleet; --",
    "$(touch hacked)",
    "`touch hacked`",
    "__import__('os').system('touch hacked')",
    "{words}",
    "@@=alert(1)",
    ":red[x] [x](javascript:alert(1))",
    "\u202egnp.exe",
    "\u200b",
    "🚗" * 64,
    "x" * 256,
    " ",
    "C:\\x",
    "ключ",
    "a\u0301",
    "\xe1",
]
"""Ids that are accepted unchanged: texts of 1 to 256 characters without control characters."""

REFUSED_IDS = ["", "x" * 257, "a\nb", "a\0b", "a\x1b[31mb", "a\x7fb", "a\x85b", "\r\n\r\n"]
"""Ids that turn an event into a dead letter."""
