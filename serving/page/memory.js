// What the page remembers between visits: the language and the conversation, in this browser only.
// A browser may forbid it (private windows, settings); the page then works without a memory.

/** The value kept under a name, or null. */
export function remembered(name) {
  try {
    return JSON.parse(localStorage.getItem(`chatwright.${name}`));
  } catch {
    return null; // forbidden, or written by something else
  }
}

/** Keep a value under a name. */
export function remember(name, value) {
  try {
    localStorage.setItem(`chatwright.${name}`, JSON.stringify(value));
  } catch {
    // Forbidden or full: the conversation on the screen goes on all the same.
  }
}
