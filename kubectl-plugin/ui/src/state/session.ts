// Who is signed in.

import { signal } from "@preact/signals";
import { LOGOUT, api } from "../api/paths.ts";
import { ApiError, get, keep, send, whenSignedOut, whyNot } from "../api/request.ts";
import type { Settings, UserInfo } from "../api/types.ts";
import { T } from "../texts.ts";

export type Session = { is: "unknown" } | { is: "out"; why: string; isOver?: boolean } | { is: "in"; user: UserInfo };

export const session = signal<Session>({ is: "unknown" });
export const settings = signal<Settings>({});

/** Finds out who is signed in; a one-time word in the address signs in, and leaves the address at once. */
export async function begin(): Promise<void> {
  whenSignedOut(() => {
    keep(null);
    if (session.value.is === "in") session.value = { is: "out", why: "", isOver: true };
  });
  const why = whyNot();
  settings.value = await get<Settings>(api.settings).catch(() => ({}));
  if (!settings.value.isLocal) keep(null);
  const word = /^#once=(.+)$/.exec(location.hash)?.[1];
  if (word) {
    history.replaceState(null, "", location.pathname + location.search);
    await signIn(word);
    return;
  }
  await look(why);
}

export async function signIn(token: string): Promise<void> {
  try {
    const told = await send<{ token?: string }>("POST", api.session, {}, { token });
    if (settings.value.isLocal) keep(told.token ?? null);
  } catch (error) {
    const why = error instanceof ApiError && error.status === 401 ? T.signIn.wrong : (error as Error).message;
    session.value = { is: "out", why };
    return;
  }
  await look();
}

export async function signOut(): Promise<void> {
  // The issuer has a session of its own, and a page to end it.
  if (settings.value.oidcConfig) return location.assign(LOGOUT);
  await send("DELETE", api.session).catch(() => {});
  keep(null);
  session.value = { is: "out", why: "" };
}

async function look(whyOut = ""): Promise<void> {
  try {
    const user = await get<UserInfo>(api.user);
    session.value = user.loggedIn ? { is: "in", user } : { is: "out", why: whyOut };
  } catch (error) {
    const isOut = error instanceof ApiError && error.status === 401;
    session.value = { is: "out", why: isOut ? whyOut : (error as Error).message };
  }
}
