"""Sections: parts of the page that are drawn again when what they show has changed, and only then.

A browser hears of a change over a WebSocket (`ui.push.changes`) and reports it as a value of a component
without a surface (``ui/assets/push.js``). The callback of that value compares what each section has drawn
with what there is now, and has Streamlit rerun the fragments of those sections that are behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.assets import component
from ui.links import follow
from ui.push.changes import PATH
from ui.push.versions import Topic, Versions

Draw = Callable[[], None]
Reads = Sequence[Topic] | Callable[[], Sequence[Topic]]

_SECTIONS = "push_sections"
_COMPONENT = "push"

_push = component("fleet_push", "push.js")


@dataclass(slots=True)
class _Drawn:
    reads: tuple[Topic, ...]
    every: float
    versions: Versions
    at: float
    part: Callable[[], int] | None
    part_version: int

    def is_behind(self, versions: Versions, now: float) -> bool:
        if now - self.at < self.every or (self.part is not None and self.part() == self.part_version):
            return False
        return any(versions.get(topic, 0) != self.versions.get(topic, 0) for topic in self.reads)


class Sections:
    """The sections of the page that a viewer looks at; made anew whenever the whole page is drawn.

    Args:
        versions: what there is now.
        timer: seconds between looks where no WebSocket tells of changes, since they are this viewer's alone;
            ``None`` to be told.
    """

    def __init__(self, versions: Callable[[], Versions], timer: float | None = None) -> None:
        self._versions = versions
        self._timer = timer
        self._drawn: dict[str, _Drawn] = {}
        st.session_state[_SECTIONS] = self

    def listen(self) -> None:
        """Draw the component that reports changes; once for a page, before its sections."""

        # Another timer is another component: one that is mounted already would keep the timer that it has.
        key = _COMPONENT if self._timer is None else f"{_COMPONENT}_{self._timer:g}"

        # In a fragment of its own: what follows its value when nothing is behind is then next to nothing.
        @st.fragment(key=_COMPONENT)
        def listening() -> None:
            _push(
                key=key,
                data={"path": PATH, "every": self._timer},
                height=1,
                on_changed_change=_draw_what_is_behind,
            )

        listening()

    def section(
        self,
        name: str,
        draw: Draw,
        reads: Reads,
        every: float = 0.0,
        part: Callable[[], int] | None = None,
    ) -> None:
        """Draw a section now, and again whenever something that it shows has changed.

        Args:
            name: unique on the page; a callback can have the section drawn by `draw_again`.
            draw: draws it.
            reads: what it shows; a function is asked whenever the section has been drawn.
            every: fewest seconds between two drawings.
            part: the version of that part of what it reads which it shows, such as the events of one vehicle;
                ``None`` if it shows all of it.
        """

        @st.fragment(key=name)
        def drawing() -> None:
            follow()
            version, now = 0 if part is None else part(), time.monotonic()
            drawn = _Drawn((), every, self._versions(), now, part, version)
            self._drawn[name] = drawn
            draw()
            drawn.reads = tuple(reads() if callable(reads) else reads)

        drawing()

    def behind(self) -> list[str]:
        """Names of the sections that no longer show what there is."""
        now, versions = time.monotonic(), self._versions()
        return [name for name, drawn in self._drawn.items() if drawn.is_behind(versions, now)]

    @property
    def names(self) -> list[str]:
        """Names of all sections of the page."""
        return list(self._drawn)


def draw_again(*names: str) -> None:
    """Have sections drawn again instead of what a widget would have drawn; only from a widget's callback.

    Args:
        names: of the sections; without names, all of the page.
    """
    sections: Sections | None = st.session_state.get(_SECTIONS)
    if sections is not None and (due := [name for name in names or sections.names if name in sections.names]):
        st.rerun(due)


def _draw_what_is_behind() -> None:
    context = get_script_run_ctx()
    if context is not None and not context.fragment_ids_this_run:
        # A report that came together with a click on another page: all of that page is about to be drawn.
        # Sections instead of it would be those of the page that was left, which the browser has no place for.
        return
    sections: Sections | None = st.session_state.get(_SECTIONS)
    if sections is not None and (due := sections.behind()):
        st.rerun(due)
