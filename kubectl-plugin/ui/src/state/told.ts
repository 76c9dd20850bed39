// What is told once: to those who see it, and to those who hear it.

import { signal } from "@preact/signals";

export interface Told {
  id: number;
  text: string;
  isBad: boolean;
}

export const told = signal<Told[]>([]);
/** For screen readers alone. */
export const heard = signal("");
let next = 1;

export function tell(text: string, isBad = false): void {
  const one = { id: next, text, isBad };
  next += 1;
  told.value = [...told.value.slice(-3), one];
  setTimeout(() => forget(one.id), isBad ? 12_000 : 4000);
}

export function forget(id: number): void {
  told.value = told.value.filter((one) => one.id !== id);
}
