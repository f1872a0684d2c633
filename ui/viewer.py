"""Who looks at the page, what they may do, and what they look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from config.page_settings import ROLES as ROLES
from config.page_settings import Role as Role
from config.settings import Settings
from ui.actions.action_desk import ActionDesk
from ui.live.feed import Feed
from ui.push.sections import Sections


@dataclass(frozen=True, slots=True)
class Viewer:
    """One session of one person.

    Attributes:
        name: of the person, as it goes with what they do; empty if it is not known.
        role: what they may do.
        zone: time zone of the browser.
        settings: all settings.
        feed: what is looked at: the stream, or a replay.
        desk: sends actions, and knows which are not answered.
        sections: of the page that is being drawn.
    """

    name: str
    role: Role
    zone: tzinfo
    settings: Settings
    feed: Feed
    desk: ActionDesk
    sections: Sections

    @property
    def may_act(self) -> bool:
        """Whether they may acknowledge, comment on, judge and mute alerts."""
        return self.role != "viewer"

    @property
    def may_command(self) -> bool:
        """Whether they may send commands to vehicles."""
        return self.role == "operator"
