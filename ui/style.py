"""The style sheet of the page, where Streamlit's own theme does not reach."""

from __future__ import annotations

from typing import Literal

STYLE = """<style>
.stMainBlockContainer { padding: 4rem 2.5rem 3rem }
.stMainBlockContainer h1 { padding: 0.4rem 0 0.6rem; font-size: 1.6rem }
/* Streamlit fades sections that are about to be updated. Here some always are: it would flicker. */
[data-stale="true"] { opacity: 1 !important; transition: none !important }
/* The words around a figure are never cut: they take two lines where there is little room. */
.st-key-figures :is(.stMarkdownEllipsis, .stMarkdownEllipsis p) { white-space: normal; overflow: visible }
.st-key-figures [data-testid="stMetricDelta"] { border-radius: 0.8rem }
.st-key-figures [data-testid="stColumn"] div:has([data-testid="stMetric"]) { height: 100% }
.st-key-figures [data-testid="stMetric"] { height: 100% }
.st-key-vehicle_table :is(td, th) { padding: 0.2rem 0.5rem }
.st-key-vehicle_table td:is(:nth-child(2), :nth-child(3)) { white-space: nowrap }
.st-key-vehicle_table table { width: 100%; font-variant-numeric: tabular-nums }
/* A replay must not be taken for the present: its bar stays in sight, in a colour that nothing else has. */
div:has(> .st-key-replay_bar), div:has(> div > .st-key-replay_bar) {
    position: sticky; top: 3.6rem; z-index: 90
}
.st-key-replay_bar {
    background: color-mix(in srgb, #8250df 16%, var(--st-background-color, Canvas)); padding: 0.45rem 0.9rem;
    border-left: 4px solid #8250df; border-radius: 0.6rem; font-variant-numeric: tabular-nums
}
/* What can be done to the selected alerts stays in sight while their list is scrolled. */
[data-testid="stLayoutWrapper"]:has(> div > div > [class*="_bulk_bar"]) {
    position: sticky; bottom: 0.75rem; z-index: 5
}
[class*="_bulk_bar"] {
    padding: 0.7rem 1rem; border-radius: 0.7rem; border: 1px solid rgba(128, 136, 148, 0.35);
    background: var(--st-background-color, Canvas); box-shadow: 0 0.3rem 1.4rem rgba(0, 0, 0, 0.22)
}
/* Streamlit's captions are too pale to be read, and so is its white on the dark theme's bright buttons. */
[data-testid="stCaptionContainer"] { opacity: 0.76 }
[data-testid^="stBaseButton-primary"], [data-testid="stMultiSelectTagsContainer"] > span span {
    color: light-dark(#ffffff, #10161d)
}
/* Who looks at the page: in the bar at the top, on the other side of the pages' names. */
.st-key-account { position: fixed; top: 0.55rem; right: 1rem; width: auto; z-index: 999991 }
.st-key-account [data-testid="stTextInput"] { width: 12rem }
.st-key-openness { padding-top: 1.5rem }
@media (max-width: 640px) {
    .st-key-account [data-testid="stTextInput"] { width: 10rem }
    .stMainBlockContainer { padding: 3.6rem 1rem 2rem }
    /* The alerts would otherwise be far below the figures. */
    .st-key-figures [data-testid="stMetric"] > div { padding: 0.6rem 0.7rem }
    .st-key-figures [data-testid="stColumn"] { min-width: calc(50% - 1rem); flex: 1 1 calc(50% - 1rem) }
    /* The charts show limits; notes must not be cut off. */
    .st-key-vehicle_table :is(td, th):nth-child(4) { display: none }
    .st-key-vehicle_table table { font-size: 0.9rem }
}
</style>"""


def colour_scheme(theme: Literal["light", "dark"] | None) -> str:
    """A style sheet by which all of the document knows the viewer's theme, not only Streamlit's part of it.

    Popovers and dialogs are beside that part.

    Args:
        theme: that Streamlit shows; ``None`` while it is not known.
    """
    return f"<style>:root {{ color-scheme: {theme or 'light dark'} }}</style>"
