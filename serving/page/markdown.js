// The little markdown that answers use, as DOM nodes: paragraphs, `code`, **bold**
// and fenced blocks.
// Text from a model or a document only ever becomes text nodes, so it cannot become markup.

const FENCE = /^ {0,3}```/;
const WRAPPED_CHARACTERS = 50; // a line as long as this was broken by a text editor, not on purpose

/** Nodes for a text: a fragment of <p> and <pre>. A fence that is still open (the answer is still
 * coming) is shown as code already. */
export function rendered(text) {
  const nodes = document.createDocumentFragment();
  let lines = [];
  let fenced = false;

  const flush = () => {
    const block = lines.join("\n");
    lines = [];
    if (fenced) {
      nodes.append(element("pre", element("code", block)));
      return;
    }
    for (const paragraph of block.split(/\n{2,}/)) {
      // A first line's indentation stays: examples in documentation are indented.
      if (paragraph.trim()) nodes.append(element("p", ...inline(unwrapped(paragraph))));
    }
  };

  for (const line of text.split("\n")) {
    if (FENCE.test(line)) {
      flush();
      fenced = !fenced;
    } else {
      lines.push(line);
    }
  }
  if (lines.length > 0) flush();
  return nodes;
}

/** A paragraph with the line breaks of a text editor taken out; those of lists and code stay. */
function unwrapped(paragraph) {
  const lines = [];
  for (const line of paragraph.trimEnd().split("\n")) {
    const before = lines.at(-1) ?? "";
    if (before.length >= WRAPPED_CHARACTERS && /^\S/.test(before) && /^[a-z`"'(]/i.test(line)) {
      lines[lines.length - 1] = `${before} ${line}`;
    } else {
      lines.push(line);
    }
  }
  return lines.join("\n");
}

// ``code`` and `code`; **bold** only where the stars hug the words, as x**2 + y**2 and **kwargs
// are no emphasis. What the outer brackets catch stands at the odd places of the split.
const MARKED = /(``[^\n]+?``|`[^`\n]+`|(?<![\w*])\*\*(?=\S)[^*\n]*[^\s*]\*\*(?![\w*]))/;

function inline(text) {
  return text.split(MARKED).map((piece, place) => {
    if (place % 2 === 0) return piece;
    if (piece[0] === "*") return element("strong", piece.slice(2, -2));
    return element("code", piece.replace(/^`+|`+$/g, ""));
  });
}

/** An element with children: nodes, or strings that become text. */
export function element(name, ...children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}
