// Requests to the API, as whoever is signed in.

const CSRF = "__Host-kubectl-gitops-csrf";

/** What the API refuses, or that it cannot be reached. */
export class ApiError extends Error {
  /** The status; 0 where there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

type Values = Record<string, string | number | boolean | undefined>;

let onSignedOut: () => void = () => {};

/** Says what happens when the session is over. */
export function whenSignedOut(told: () => void): void {
  onSignedOut = told;
}

export function address(path: string, values: Values = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== "") query.append(name, String(value));
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export async function get<T>(path: string, values?: Values, signal?: AbortSignal): Promise<T> {
  return ask<T>(address(path, values), { headers: {}, ...(signal ? { signal } : {}) });
}

/** Asks for a comparison by a read: it changes something, so it proves that a page of ours asks. */
export async function getProved<T>(path: string, values?: Values): Promise<T> {
  return ask<T>(address(path, values), { headers: proof() });
}

export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, values?: Values, body?: unknown): Promise<T> {
  const headers: Record<string, string> = proof();
  const init: RequestInit = { method, headers };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  return ask<T>(address(path, values), init);
}

function proof(): Record<string, string> {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith(`${CSRF}=`));
  return cookie ? { "X-CSRF-Token": cookie.slice(CSRF.length + 1) } : {};
}

async function ask<T>(where: string, init: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(where, { ...init, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "the server does not answer");
  }
  if (!answer.ok) throw await refusal(answer);
  return (await answer.json()) as T;
}

/** What an answer says that is a refusal. */
export async function refusal(answer: Response): Promise<ApiError> {
  if (answer.status === 401) onSignedOut();
  const text = await answer.text().catch(() => "");
  try {
    const told = JSON.parse(text) as { message?: string; error?: string };
    return new ApiError(answer.status, told.message ?? told.error ?? answer.statusText);
  } catch {
    return new ApiError(answer.status, text.trim() || answer.statusText);
  }
}
