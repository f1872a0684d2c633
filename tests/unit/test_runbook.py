"""docs/runbook.md: a section for each alert rule, and each says what there is to do."""

from __future__ import annotations

import re

import yaml  # type: ignore[import-untyped]

from tests.support.paths import REPOSITORY

RULES = yaml.safe_load((REPOSITORY / "config" / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")


def test_each_alert_rule_has_a_section_in_the_same_order() -> None:
    names = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]
    assert re.findall(r"^## (.*)$", RUNBOOK, re.MULTILINE) == names


def test_each_section_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    for section in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]:
        parts = re.findall(r"^\*\*(.*?)\*\*", section, re.MULTILINE)
        assert parts == ["Means", "Look at", "Do"], section.splitlines()[0]
