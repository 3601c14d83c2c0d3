// The chat page: a conversation is a list of turns, and the screen is drawn from it.
//
// A turn is {question, answer, citations, state, detail}; state is "making", "done", "cut" (at its
// longest), "stopped" (by the reader), or the key of the sentence in strings.js that says what
// went wrong. No framework and no build step: the browser has all that these files need.

import { element, rendered } from "./markdown.js";
import { remember, remembered } from "./memory.js";
import { ReplyError, reply } from "./stream.js";
import { strings } from "./strings.js";

const EXAMPLES = ["example1", "example2", "example3", "example4"];
const NEAR_END_PIXELS = 80;
const TURNS_SENT = 20; // far more than a small model's context holds, far less than a body may be

const byId = (id) => document.getElementById(id);
const messages = byId("messages");
const question = byId("question");
const scroller = byId("scroller");

let language = remembered("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
if (!(language in strings)) language = "en";
let turns = restored();
let making = null; // the AbortController of the answer that is on its way

// --- what it says ---

function say(key, values = {}) {
  return strings[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", say(node.dataset.label));
    if (node.tagName === "BUTTON") node.title = say(node.dataset.label);
  }
  for (const node of document.querySelectorAll("[data-placeholder]")) {
    node.placeholder = say(node.dataset.placeholder);
  }
  byId("language").lang = language === "zh" ? "en" : "zh-CN";
  byId("examples").replaceChildren(
    ...EXAMPLES.map((key) => {
      const text = say(key);
      return element("li", button("example", text, () => ask(text)));
    }),
  );
  draw();
}

// --- what it shows ---

function draw() {
  byId("welcome").hidden = turns.length > 0;
  messages.hidden = turns.length === 0;
  messages.replaceChildren(...turns.flatMap((turn) => [drawnQuestion(turn), drawnAnswer(turn)]));
  byId("send").hidden = making !== null;
  byId("stop").hidden = making === null;
  byId("send").disabled = question.value.trim() === "";
}

function drawnQuestion(turn) {
  const item = element("li", forScreenReaders(say("you")), turn.question);
  item.className = "asked";
  return item;
}

function drawnAnswer(turn) {
  const text = element("div", rendered(turn.answer));
  text.className = "text";
  const item = element("li", forScreenReaders(say("assistant")), text);
  item.className = turn.state === "making" ? "answered making" : "answered";
  item.setAttribute("aria-busy", String(turn.state === "making"));

  if (turn.citations.length > 0) item.append(drawnCitations(turn.citations));
  if (turn.state !== "making" && turn.state !== "done") item.append(note(turn));
  if (turn === turns.at(-1) && turn.state !== "making") {
    item.append(button("action retry", say("retry"), retry));
  }
  return item;
}

function drawnCitations(citations) {
  const title = element("li", say("sources"));
  title.className = "citations-title";
  const list = element("ul", title);
  list.className = "citations";
  for (const citation of citations) {
    const chip = button("chip", citation.title, () => openPassage(citation));
    chip.setAttribute("aria-label", say("showPassage", { title: citation.title }));
    chip.setAttribute("aria-haspopup", "dialog");
    list.append(element("li", chip));
  }
  return list;
}

function note(turn) {
  const sentence = element("p", say(turn.state));
  const harmless = turn.state === "stopped" || turn.state === "cut";
  sentence.className = harmless ? "note" : "note wrong";
  if (!harmless) sentence.setAttribute("role", "alert");
  if (turn.detail) sentence.title = turn.detail;
  return sentence;
}

function openPassage(citation) {
  byId("passage-title").textContent = citation.title;
  byId("passage-score").textContent = say("score", { score: Math.round(citation.score * 100) });
  byId("passage-document").textContent = say("document", { id: citation.document_id });
  byId("passage-quote").textContent = citation.quote;
  const link = byId("passage-link");
  // Documents come from anywhere: only an ordinary web address becomes a link.
  link.hidden = !/^https?:\/\//i.test(citation.url ?? "");
  if (!link.hidden) link.href = citation.url;
  byId("passage").showModal();
}

function button(classes, text, action) {
  const node = element("button", text);
  node.type = "button";
  node.className = classes;
  node.addEventListener("click", action);
  return node;
}

function forScreenReaders(text) {
  const node = element("span", text);
  node.className = "for-screen-readers";
  return node;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

/** Redraw the answer that is growing, at most once a frame, and follow it if the reader does. */
function drawerOfGrowth() {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      if (turns.at(-1)?.state !== "making") return;
      const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
      messages.lastElementChild.querySelector(".text").replaceChildren(rendered(turns.at(-1).answer));
      if (left < NEAR_END_PIXELS) toEnd();
    });
  };
}

// --- what it does ---

async function ask(text) {
  if (making !== null || text.trim() === "") return;
  const turn = { question: text.trim(), answer: "", citations: [], state: "making", detail: "" };
  const history = turns.filter((earlier) => earlier.answer !== "").slice(-TURNS_SENT);
  const conversation = history.flatMap((earlier) => [
    { role: "user", content: earlier.question },
    { role: "assistant", content: earlier.answer },
  ]);
  conversation.push({ role: "user", content: turn.question });

  const controller = new AbortController();
  making = controller;
  turns.push(turn);
  draw();
  toEnd();
  byId("announcement").textContent = say("thinking");
  const grown = drawerOfGrowth();
  try {
    for await (const piece of reply(conversation, controller.signal)) {
      if (piece.text) turn.answer += piece.text;
      if (piece.finishReason) {
        turn.state = piece.finishReason === "length" ? "cut" : "done";
        turn.citations = piece.citations;
      }
      grown();
    }
  } catch (error) {
    if (error.name === "AbortError") turn.state = "stopped";
    else if (error instanceof ReplyError) [turn.state, turn.detail] = [error.reason, error.message];
    else throw error;
  } finally {
    if (turn.state === "making") turn.state = "failed"; // a mistake of this page's own
    if (making === controller) making = null;
    if (turns.includes(turn)) finish(turn); // else a new chat was begun meanwhile
  }
}

function finish(turn) {
  remember("conversation", turns);
  const following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PIXELS;
  draw();
  if (following) toEnd();
  byId("announcement").textContent = turn.state === "done" ? turn.answer : say(turn.state);
}

function retry() {
  const turn = turns.pop();
  question.focus();
  ask(turn.question);
}

function newChat() {
  making?.abort();
  making = null;
  turns = [];
  remember("conversation", turns);
  byId("announcement").textContent = "";
  draw();
  question.focus();
}

function restored() {
  const kept = remembered("conversation");
  if (!Array.isArray(kept)) return [];
  return kept.filter((turn) => typeof turn?.answer === "string" && Array.isArray(turn.citations));
}

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

// --- what the reader does ---

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (making !== null) return; // what was typed meanwhile waits in its place
  const text = question.value;
  question.value = "";
  fitQuestion();
  ask(text);
});

question.addEventListener("input", () => {
  fitQuestion();
  byId("send").disabled = question.value.trim() === "";
});

question.addEventListener("keydown", (event) => {
  // Enter also confirms a word in Chinese input (isComposing; Safari says 229): that sends nothing.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  byId("ask").requestSubmit();
});

byId("stop").addEventListener("click", () => {
  making?.abort();
  question.focus();
});

byId("new").addEventListener("click", newChat);

byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  remember("language", language);
  translate();
});

byId("passage-close").addEventListener("click", () => byId("passage").close());
byId("passage").addEventListener("click", (event) => {
  if (event.target === event.currentTarget) event.currentTarget.close(); // outside: the backdrop
});

translate();
fitQuestion();
toEnd();
