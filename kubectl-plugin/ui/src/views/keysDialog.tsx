// All keys.

import { Dialog } from "../parts/over.tsx";
import { T } from "../texts.ts";
import { isKeysOpen } from "./keys.ts";

export function Keys() {
  return (
    <Dialog title={T.keys.title} onClose={() => (isKeysOpen.value = false)}>
      <dl class="keys">
        {T.keys.list.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
