// Sign in: by whoever signs people in here, or with a token.

import { useState } from "preact/hooks";
import { loginPath } from "../api/paths.ts";
import { Button, Copy } from "../parts/small.tsx";
import { place } from "../state/router.ts";
import { settings, signIn } from "../state/session.ts";
import { T } from "../texts.ts";

export function SignIn({ why, isOver }: { why: string; isOver: boolean }) {
  const { isLocal, oidcConfig } = settings.value;
  return (
    <main class="sign-in">
      <div class="box">
        <div class="logo" aria-hidden="true" />
        <h1>{T.signIn.title}</h1>
        {isOver && <p role="status">{isLocal ? T.signIn.ended : T.signIn.over}</p>}
        {isLocal ? (
          <>
            {!isOver && <p>{T.signIn.local}</p>}
            {why && <p class="error" role="alert">{why}</p>}
          </>
        ) : (
          <>
            {oidcConfig && <Issuer name={oidcConfig.name} why={why} />}
            <Token why={oidcConfig ? "" : why} isFirst={!oidcConfig} />
          </>
        )}
      </div>
    </main>
  );
}

/** Leads to whoever signs people in, and back to this page. */
function Issuer({ name, why }: { name: string; why: string }) {
  const query = place.value.query.toString();
  return (
    <>
      <p>{T.signIn.introIssuer}</p>
      <a class="button main" href={loginPath(place.value.path + (query ? `?${query}` : ""))} data-testid="sign-in-issuer">
        <span>{T.signIn.by(name)}</span>
      </a>
      {why && (
        <p class="error" role="alert" data-testid="why">
          {why}
        </p>
      )}
      <p class="or">{T.signIn.or}</p>
    </>
  );
}

function Token({ why, isFirst }: { why: string; isFirst: boolean }) {
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
    <form onSubmit={(event) => void send(event)}>
      {isFirst && <p>{T.signIn.intro}</p>}
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
      <Button type="submit" kind={isFirst ? "main" : "plain"} busy={isBusy} testid="sign-in">
        {isBusy ? T.signIn.busy : isFirst ? T.signIn.button : T.signIn.buttonToken}
      </Button>
      <p class="how">{T.signIn.how}</p>
      <div class="command">
        <code>{T.signIn.command}</code>
        <Copy text={T.signIn.command} />
      </div>
    </form>
  );
}
