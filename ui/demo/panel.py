"""The panel with what the simulator did, marked so that nobody takes it for something that was found."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import streamlit as st

from ui.alerts.alert_words import sentence
from ui.demo.findings import Finding, findings
from ui.fleet.selection import open_vehicle
from ui.formatting import markdown
from ui.palette import APART, BADGES
from ui.viewer import Viewer

MOST = 8
"""Faults that are listed, the latest."""

KEY = "demo_panel"

STYLE = f"""<style>
.st-key-{KEY} {{ border: 1.5px dashed {APART}; border-radius: 0.6rem; padding: 0.8rem 1rem }}
.st-key-{KEY} [class*="st-key-demo_row_"] {{ gap: 0.2rem 0.8rem; align-items: baseline }}
.st-key-{KEY} [class*="st-key-demo_row_"] button {{ min-height: 0; padding: 0; font-weight: 600 }}
.st-key-{KEY} p {{ font-size: 0.9rem }}
</style>"""

NOTHING = ":gray[It has injected no fault since this page's server was started.]"


def show_demo_panel(viewer: Viewer) -> None:
    """Draw the panel where `page.demo` is on and the stream is live; nothing elsewhere."""
    if not viewer.settings.page.demo or not viewer.feed.is_live:
        return

    def panel() -> None:
        st.markdown(
            ":violet-badge[Demo] **What the simulator did** "
            ":gray[:small[the job never reads this; real vehicles have no such list]]"
        )
        if trouble := viewer.feed.faults_trouble:
            topic = viewer.settings.topics.ground_truth
            st.warning(
                f"Nothing of `{topic}` comes here: {markdown(trouble)}.", icon=":material/visibility_off:"
            )
        alerts = viewer.feed.alerts.snapshot()
        now = datetime.fromtimestamp(alerts.taken_at, UTC)
        found = findings(viewer.feed.faults.latest(MOST), alerts.alerts, now)
        if not found:
            st.markdown(NOTHING)
        for finding in found:
            _row(finding, viewer.zone)

    st.html(STYLE)
    with st.container(key=KEY):
        viewer.sections.section("demo", panel, ("demo", "alerts", "clock"), 1.0)


def _row(finding: Finding, zone: tzinfo) -> None:
    fault = finding.fault
    with st.container(key=f"demo_row_{fault.fault_id}", horizontal=True):
        st.button(
            markdown(fault.vehicle_id, 40),
            key=f"demo_open_{fault.fault_id}",
            type="tertiary",
            on_click=open_vehicle,
            args=(fault.vehicle_id,),
            help="The page of this vehicle",
        )
        st.markdown(what_happened(finding, zone))


def what_happened(finding: Finding, zone: tzinfo) -> str:
    """Markdown: the fault, since when, and whether it was found."""
    fault = finding.fault
    began = fault.starts_at.astimezone(zone)
    state = "over" if finding.is_over else "going on"
    what = f"{markdown(fault.kind.replace('_', ' '))} since {began:%H:%M:%S} :gray[({state})]"
    if finding.alert is not None and finding.seconds is not None:
        badge = f":{BADGES[finding.alert.severity]}-badge[found after {finding.seconds:.0f} s]"
        return f"{what} {badge} {markdown(sentence(finding.alert), 120)}"
    return f"{what} {':gray-badge[no alert yet]' if finding.may_follow else ':gray-badge[not found]'}"
