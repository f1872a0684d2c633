// The style sheet of the map's buttons and texts.

export const STYLES = `
.map { font-family: var(--st-font); color: var(--st-text-color); font-size: 0.85rem }
.stage { position: relative; overflow: hidden; border-radius: var(--st-base-radius); background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); box-sizing: border-box }
.stage:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px }
.stage:focus { outline-color: var(--st-primary-color) }
canvas { display: block }
.stage > canvas { position: absolute; inset: 0; width: 100%; height: 100% }
.surface { cursor: grab; touch-action: pan-x pan-y; user-select: none }
.surface:active { cursor: grabbing }
.surface.points { cursor: pointer }
.buttons { position: absolute; top: 10px; right: 10px; display: flex; flex-direction: column; gap: 8px; align-items: flex-end }
.zooms { display: flex; flex-direction: column }
button { font: inherit; color: inherit; cursor: pointer }
.buttons button { display: inline-flex; align-items: center; justify-content: center; min-width: 34px; height: 34px; padding: 0;
  background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: 0.45rem;
  box-shadow: 0 1px 3px rgba(0, 0, 0, 0.12) }
.buttons button:hover { color: var(--st-primary-color); border-color: var(--st-primary-color) }
.buttons button:focus-visible, .list button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px }
.buttons button[aria-pressed="true"] { color: var(--st-background-color); background: var(--st-primary-color); border-color: var(--st-primary-color) }
.buttons button[hidden] { display: none }
.zooms button:first-child { border-radius: 0.45rem 0.45rem 0 0; border-bottom: none }
.zooms button:last-child { border-radius: 0 0 0.45rem 0.45rem }
.buttons svg { width: 18px; height: 18px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round }
.card { position: absolute; background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: 0.5rem;
  box-shadow: 0 4px 14px rgba(0, 0, 0, 0.18); line-height: 1.4; box-sizing: border-box }
.card[hidden] { display: none }
.tooltip { pointer-events: none; padding: 0.45rem 0.65rem; max-width: min(19rem, 85%); overflow-wrap: anywhere }
.tooltip .name { font-weight: 600 }
.tooltip .tone { display: flex; gap: 0.3rem; align-items: center }
.list { padding: 0.3rem; max-height: 70%; overflow-y: auto; min-width: 11rem; max-width: 80% }
.list p { margin: 0.2rem 0.5rem; font-weight: 600 }
.list button { display: flex; gap: 0.4rem; align-items: center; width: 100%; padding: 0.3rem 0.5rem; text-align: left; background: none;
  border: none; border-radius: 0.35rem; overflow-wrap: anywhere }
.list button:hover { background: var(--st-secondary-background-color) }
.list .words { opacity: 0.75 }
.hint { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; padding: 1rem; text-align: center;
  background: rgba(15, 22, 30, 0.55); color: #ffffff; font-size: 1rem; opacity: 0; transition: opacity 0.25s; pointer-events: none }
.hint.shown { opacity: 1 }
.attribution { position: absolute; right: 0; bottom: 0; max-width: 60%; padding: 0 0.4rem; font-size: 0.7rem; border-top-left-radius: 0.4rem;
  background: color-mix(in srgb, var(--st-background-color) 75%, transparent); pointer-events: none }
.attribution:empty { display: none }
.empty { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; pointer-events: none }
.empty[hidden] { display: none }
.empty span { padding: 0.4rem 0.8rem; border-radius: 0.5rem; background: var(--st-background-color); border: 1px solid var(--st-border-color) }
.legend { display: flex; flex-wrap: wrap; gap: 0.15rem 0.9rem; margin: 0.4rem 0 0; padding: 0; list-style: none }
.legend li { display: inline-flex; align-items: center; gap: 0.25rem }
.legend .keys { margin-left: auto; opacity: 0.75 }
.summary { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
@media (prefers-reduced-motion: reduce) { .hint { transition: none } }
@media (pointer: coarse) { .buttons button { min-width: 42px; height: 42px } .list button { padding: 0.6rem 0.5rem } }
`;
