// What somebody means who types a few letters: matches, the best first.

export interface Findable {
  text: string;
  /** Words that count as well. */
  also?: string;
}

/** The score of a match; 0 for none. A whole beginning is better than a word's, that better than letters in order. */
export function score(text: string, asked: string): number {
  const [where, what] = [text.toLowerCase(), asked.toLowerCase()];
  if (!what) return 1;
  const at = where.indexOf(what);
  if (at === 0) return 1000 - where.length;
  if (at > 0) return (/[^a-z0-9]/.test(where[at - 1] ?? "") ? 700 : 500) - Math.min(400, where.length);
  let [from, gaps] = [0, 0];
  for (const letter of what) {
    const next = where.indexOf(letter, from);
    if (next < 0) return 0;
    gaps += next - from;
    from = next + 1;
  }
  return Math.max(1, 90 - gaps);
}

export function find<T extends Findable>(all: Iterable<T>, asked: string, most: number): T[] {
  const found: [number, T][] = [];
  for (const one of all) {
    const points = Math.max(score(one.text, asked), one.also ? score(one.also, asked) / 2 : 0);
    if (points > 0) found.push([points, one]);
  }
  found.sort(([one], [other]) => other - one);
  return found.slice(0, most).map(([, one]) => one);
}
