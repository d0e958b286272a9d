// The words of the page in the visitor's language: one file a language. What
// the library says in English is translated by its codes, and shown as the
// library wrote it where a translation is missing.

import { chosen, remember as keepChoice } from "./choices.js";
import en from "./strings/en.js";
import { formats } from "./strings/formats.js";

// Each by its own name, for the switch.
export const LANGUAGES = { en: "English", es: "Español", da: "Dansk", ar: "العربية" };
const KEPT = "fovea-language";

export const english = en(formats(localeFor("en")));

// A live binding: every module that reads it has the language of the moment.
export let strings = english;

// Brings in a language and writes what stands on the page from the start.
export async function speak(language) {
  const make = language === "en" ? en : (await import(`./strings/${language}.js`)).default;
  strings = make(formats(localeFor(language)));
  document.documentElement.lang = language;
  document.documentElement.dir = strings.direction;
  for (const element of document.querySelectorAll("[data-string]")) element.textContent = strings.page[element.dataset.string];
  for (const element of document.querySelectorAll("[data-string-label]")) element.setAttribute("aria-label", strings.page[element.dataset.stringLabel]);
}

// The language chosen here before, else the first of the browser's that there is.
export function preferred() {
  return [chosen(KEPT), ...navigator.languages.map((tag) => tag.split("-")[0])].find((language) => Object.hasOwn(LANGUAGES, language)) ?? "en";
}

export const remember = (language) => keepChoice(KEPT, language);

// The visitor's own kind of a language: Mexico's Spanish, Egypt's Arabic.
function localeFor(language) {
  return navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
}

// The sentence for an error: the library's own words, or their translation,
// where it spoke; ours otherwise.
export function explain(error, words = strings) {
  const known = words.fault[error?.code];
  if (typeof known === "function") return known(error.detail);
  return known ?? sentence(said(error?.code, error?.message, words)) ?? words.fault.unknown;
}

// The library's errors begin small and end without a stop, to go into other words.
function sentence(text) {
  return text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
}

// A sentence of the library's in the page's language.
export function said(code, text, words = strings) {
  return words.library?.[code] ?? text ?? null;
}

// An entry of the ICDR scale in the page's language: { name, label, summary }.
export function scaleEntry(entry) {
  return { ...entry, ...strings.library?.scale?.[entry.grade] };
}
