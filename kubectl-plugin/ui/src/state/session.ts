// Who is signed in.

import { signal } from "@preact/signals";
import { api } from "../api/paths.ts";
import { ApiError, get, send, whenSignedOut } from "../api/request.ts";
import type { Settings, UserInfo } from "../api/types.ts";
import { T } from "../texts.ts";

export type Session = { is: "unknown" } | { is: "out"; why: string } | { is: "in"; user: UserInfo };

export const session = signal<Session>({ is: "unknown" });
export const settings = signal<Settings>({});

/** Finds out who is signed in; a one-time word in the address signs in, and leaves the address at once. */
export async function begin(): Promise<void> {
  whenSignedOut(() => {
    if (session.value.is === "in") session.value = { is: "out", why: "" };
  });
  settings.value = await get<Settings>(api.settings).catch(() => ({}));
  const word = /^#once=(.+)$/.exec(location.hash)?.[1];
  if (word) {
    history.replaceState(null, "", location.pathname + location.search);
    await signIn(word);
    return;
  }
  await look();
}

export async function signIn(token: string): Promise<void> {
  try {
    await send("POST", api.session, {}, { token });
  } catch (error) {
    const why = error instanceof ApiError && error.status === 401 ? T.signIn.wrong : (error as Error).message;
    session.value = { is: "out", why };
    return;
  }
  await look();
}

export async function signOut(): Promise<void> {
  await send("DELETE", api.session).catch(() => {});
  session.value = { is: "out", why: "" };
}

async function look(): Promise<void> {
  try {
    const user = await get<UserInfo>(api.user);
    session.value = user.loggedIn ? { is: "in", user } : { is: "out", why: "" };
  } catch (error) {
    const isOut = error instanceof ApiError && error.status === 401;
    session.value = { is: "out", why: isOut ? "" : (error as Error).message };
  }
}
