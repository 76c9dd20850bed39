// Sign in with a token.

import { useState } from "preact/hooks";
import { Button, Copy } from "../parts/small.tsx";
import { settings, signIn } from "../state/session.ts";
import { T } from "../texts.ts";

export function SignIn({ why }: { why: string }) {
  const [token, setToken] = useState("");
  const [error, setError] = useState(why);
  const [isBusy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    if (!token.trim()) return setError(T.signIn.empty);
    setBusy(true);
    setError("");
    await signIn(token.trim());
    setBusy(false);
    setToken("");
  };
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void send(event)}>
        <div class="logo" aria-hidden="true" />
        <h1>{T.signIn.title}</h1>
        {settings.value.isLocal ? (
          <p>{T.signIn.local}</p>
        ) : (
          <>
            <p>{T.signIn.intro}</p>
            <label for="token">{T.signIn.token}</label>
            <input
              id="token"
              type="password"
              autocomplete="off"
              spellcheck={false}
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
              aria-describedby="error"
              data-testid="token"
            />
            <p id="error" class="error" role="alert">
              {error || why}
            </p>
            <Button type="submit" kind="main" busy={isBusy} testid="sign-in">
              {isBusy ? T.signIn.busy : T.signIn.button}
            </Button>
            <p class="how">{T.signIn.how}</p>
            <div class="command">
              <code>{T.signIn.command}</code>
              <Copy text={T.signIn.command} />
            </div>
          </>
        )}
      </form>
    </main>
  );
}
