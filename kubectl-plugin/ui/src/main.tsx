// The beginning: who is signed in, then the page of the address.

import { effect, untracked } from "@preact/signals";
import { render } from "preact";
import { listen } from "./state/router.ts";
import { begin, session } from "./state/session.ts";
import { start, stop } from "./state/rows.ts";
import "./state/theme.ts";
import { Frame } from "./views/frame.tsx";
import { SignIn } from "./views/signIn.tsx";

function Page() {
  switch (session.value.is) {
    case "unknown":
      return null;
    case "out":
      return <SignIn why={session.value.why} isOver={session.value.isOver === true} />;
    case "in":
      return <Frame user={session.value.user} />;
  }
}

effect(() => {
  const isIn = session.value.is === "in";
  untracked(isIn ? start : stop);
});
listen();
render(<Page />, document.getElementById("page") as HTMLElement);
void begin();
