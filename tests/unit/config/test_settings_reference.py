"""The reference of the settings: complete and current."""

from __future__ import annotations

from config.reference import keys, reference
from config.settings import DEFAULT_FILE, Settings
from tests.support.paths import REPOSITORY

DEFAULTS = DEFAULT_FILE.read_text(encoding="utf-8")


def test_the_reference_is_what_the_settings_say() -> None:
    """If not: ``python -m config.reference > docs/settings.md``."""
    written = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == reference(DEFAULTS, Settings.model_json_schema())


def test_a_comment_above_a_key_and_one_behind_it_are_its_meaning() -> None:
    text = '[mqtt]\n# Where to find it.\nhost = "a # b"  # a name\n\n# Of no key.\n\nport = 1  # a number\n'
    host, port = keys(text)
    assert (host.section, host.name, host.default) == ("mqtt", "host", '"a # b"')
    assert host.meaning == "Where to find it; a name"
    assert (port.default, port.meaning) == ("1", "a number")


def test_every_key_of_the_settings_is_in_the_reference() -> None:
    written = reference(DEFAULTS, Settings.model_json_schema())
    for section, model in Settings.model_fields.items():
        fields = getattr(model.annotation, "model_fields", {})
        part = written.partition(f"\n## `[{section}]`")[2].partition("\n## ")[0]
        for name in fields:
            table = f"\n## `[{section}.{name}"
            assert f"| `{name}` |" in part or table in written, f"{section}.{name}"
