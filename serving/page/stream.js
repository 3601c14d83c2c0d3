// Talks to the API: sends a conversation, hands the reply over as it is made.

/** An error that the page has a sentence for; `reason` is that sentence's key in strings.js. */
export class ReplyError extends Error {
  constructor(reason, detail = "") {
    super(detail || reason);
    this.reason = reason;
  }
}

/** Ask for a reply to `messages`; yields {text}, then {finishReason, citations}.
 *
 * Throws ReplyError when there is no reply or it breaks off, and what `signal` was aborted with.
 */
export async function* reply(messages, signal) {
  let response;
  try {
    response = await fetch("v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ messages, stream: true }),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new ReplyError("unreachable", String(error));
  }
  if (!response.ok) throw await refusal(response);

  let finished = false;
  for await (const data of events(response.body, signal)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) {
      const reason = chunk.error.code === "overloaded" ? "interrupted" : "failed";
      throw new ReplyError(reason, chunk.error.message);
    }
    const choice = chunk.choices[0];
    if (choice?.delta.content) yield { text: choice.delta.content };
    if (choice?.finish_reason) {
      finished = true;
      yield { finishReason: choice.finish_reason, citations: chunk.citations ?? [] };
    }
  }
  if (!finished) throw new ReplyError("interrupted");
}

/** The data of each server-sent event of a body. */
async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      pending += value;
      const complete = pending.split("\n\n");
      pending = complete.pop();
      for (const event of complete) {
        if (event.startsWith("data: ")) yield event.slice("data: ".length);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new ReplyError("interrupted", String(error));
  }
}

async function refusal(response) {
  const reasons = { 400: "tooLong", 413: "tooLong", 429: "busy", 503: "busy" };
  const reason = reasons[response.status] ?? "failed";
  // A proxy in between may answer with a page of its own, which is no help to the reader.
  const detail = await response.json().then((body) => body.error.message, () => "");
  return new ReplyError(reason, detail);
}
