// Elements in one expression. Text goes in as text, never as markup: names of
// files are the visitor's, not ours.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export const byId = (id) => document.getElementById(id);

// Writes text only where it differs, so that nothing is announced twice.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
