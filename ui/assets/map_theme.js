// The colours of the map, from those of the page and of the message.

function luminance(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255];
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** A colour of the page as the browser computes it: ``rgb(27, 39, 51)``. */
function computed(element, name) {
  element.style.color = `var(${name})`;
  const colour = getComputedStyle(element).color;
  element.style.color = "";
  return colour;
}

const LIGHT = {
  faint: "#5d6975",
  grid: "rgba(93, 105, 117, 0.22)",
  ring: "#c3ccd6",
  halo: "rgba(255, 255, 255, 0.9)",
};
const DARK = {
  faint: "#93a1ae",
  grid: "rgba(147, 161, 174, 0.2)",
  ring: "#465361",
  halo: "rgba(11, 16, 22, 0.9)",
};

/** Tones come as [name, words of one, of several, is it an alert, colours on light pages, on dark pages]. */
function toneOf([name, words, counted, isAlert, light, dark], isDark) {
  const [fill, line, text, trail] = isDark ? dark : light;
  return { name, words, counted, isAlert, fill, line, text, trail };
}

/** Args: element: an empty one of the map; tones: as in the message. */
export function themeOf(element, tones) {
  const background = computed(element, "--st-background-color");
  const isDark = luminance(background) < 128;
  return {
    ...(isDark ? DARK : LIGHT),
    isDark,
    surface: background,
    ground: computed(element, "--st-secondary-background-color"),
    text: computed(element, "--st-text-color"),
    accent: computed(element, "--st-primary-color"),
    flag: computed(element, "--st-red-color"),
    font: getComputedStyle(element).fontFamily,
    tones: tones.map((tone) => toneOf(tone, isDark)),
  };
}
