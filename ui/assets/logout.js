// A button that logs out. It sends a form: a link could be followed from anywhere, and by what only looks ahead.

const STYLE = `
button {
  width: 100%; padding: 0.4rem 0.75rem; font: inherit; font-family: var(--st-font); cursor: pointer;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.6rem);
}
button:hover { color: var(--st-primary-color); border-color: var(--st-primary-color) }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px }`;

export default function logout({ data, parentElement }) {
  let form = parentElement.querySelector("form");
  if (form === null) {
    const style = document.createElement("style");
    const button = document.createElement("button");
    form = document.createElement("form");
    form.method = "post";
    style.textContent = STYLE;
    button.textContent = "Log out";
    form.append(button);
    parentElement.append(style, form);
  }
  form.action = data.logout;
}
