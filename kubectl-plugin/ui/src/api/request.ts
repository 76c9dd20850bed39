// Requests to the API, as whoever is signed in.

const CSRF = "__Host-kubectl-gitops-csrf";
const WHY = "__Host-kubectl-gitops-why";
/** Where the token of one's own server is kept: storage is of one port alone, unlike cookies. */
const TOKEN = "token";

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

/** Keeps the token of one's own server, for all pages of this address; nothing where there is none any more. */
export function keep(token: string | null): void {
  try {
    if (token) localStorage.setItem(TOKEN, token);
    else localStorage.removeItem(TOKEN);
  } catch {
    // Then nobody is signed in.
  }
}

/** What says who asks, where no cookie does. */
export function bearing(): Record<string, string> {
  try {
    const token = localStorage.getItem(TOKEN);
    return token ? { Authorization: `Bearer ${token}` } : {};
  } catch {
    return {};
  }
}

/** Why somebody who came back from the issuer is not signed in; said once. */
export function whyNot(): string {
  const text = cookie(WHY);
  if (!text) return "";
  document.cookie = `${WHY}=; Path=/; Secure; SameSite=Strict; Max-Age=0`;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return "";
  }
}

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
  const value = cookie(CSRF);
  return value ? { "X-CSRF-Token": value } : {};
}

function cookie(name: string): string {
  const pair = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  return pair?.slice(name.length + 1) ?? "";
}

async function ask<T>(where: string, init: RequestInit): Promise<T> {
  let answer: Response;
  try {
    const headers = { ...(init.headers as Record<string, string>), ...bearing() };
    answer = await fetch(where, { ...init, headers, credentials: "same-origin", redirect: "error" });
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
