// Events of a stream, as `text/event-stream` has them: bytes come in any pieces, events go out whole.

export interface SseEvent {
  id: string;
  data: string;
}

/** Reads a stream piece by piece. */
export class SseReader {
  #rest = "";
  #data: string[] = [];
  #id = "";

  /** Takes the next piece; gives the events that end in it. An event without data says only where one goes on. */
  take(piece: string): SseEvent[] {
    const events: SseEvent[] = [];
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line === "") {
        if (this.#data.length > 0 || this.#id) events.push({ id: this.#id, data: this.#data.join("\n") });
        this.#data = [];
        this.#id = "";
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "data") this.#data.push(value);
      else if (name === "id") this.#id = value;
    }
    return events;
  }
}
