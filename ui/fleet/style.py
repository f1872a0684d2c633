"""The layout of the page *Fleet*: alerts beside a map that stays in sight; on a narrow screen one by one."""

from __future__ import annotations

STYLE = """<style>
/* Room for what is still being loaded, so that nothing jumps when it comes. */
.st-key-fleet_strip { min-height: 2.1rem }
.st-key-fleet_map { min-height: 32rem }
.st-key-fleet_alert_list { min-height: 6rem }
.st-key-vehicle_list, .st-key-swim_lanes { min-height: 12rem }
.st-key-fleet_head { gap: 0.2rem 0.9rem; align-items: baseline }
.st-key-fleet_head h1 { font-size: 1.35rem; padding: 0 }
.st-key-fleet_grid {
    display: grid; gap: 1rem 1.5rem; align-items: start;
    grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); grid-template-rows: auto 1fr;
    grid-template-areas: "alerts view" "vehicles view"
}
.st-key-fleet_grid > :has(> .st-key-fleet_alerts) { grid-area: alerts }
.st-key-fleet_grid > :has(> .st-key-fleet_view) { grid-area: view; position: sticky; top: 4rem }
.st-key-fleet_grid > :has(> .st-key-fleet_vehicles) { grid-area: vehicles }
.st-key-fleet_grid :is(h2, h3) { font-size: 1rem; padding: 0 0 0.3rem }
.st-key-fleet_chosen_vehicle { min-height: 2.6rem; flex-wrap: nowrap }
.st-key-fleet_chosen_vehicle p { font-size: 0.9rem }
@media (max-width: 640px) {
    .st-key-fleet_head p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
}
@media (max-width: 900px) {
    .st-key-fleet_grid {
        grid-template-columns: minmax(0, 1fr); grid-template-rows: auto;
        grid-template-areas: "alerts" "view" "vehicles"
    }
    .st-key-fleet_grid > :has(> .st-key-fleet_view) { position: static }
}
</style>"""
