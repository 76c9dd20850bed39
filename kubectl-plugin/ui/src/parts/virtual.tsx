// A list of any length: only the rows that are seen are in the page. Rows have one height, but for some that have less.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

const AROUND = 8;

interface Props {
  count: number;
  height: number;
  /** Rows that are lower than others, in order, and how high those are. */
  low?: { rows: readonly number[]; height: number };
  row: (at: number) => ComponentChildren;
  label: string;
  columns?: ComponentChildren;
  /** The row that is kept in view. */
  cursor?: number;
  /** Grows at its end as long as one looks at it. */
  follows?: boolean;
  role?: "table" | "list" | "log";
  onKeyDown?: (event: KeyboardEvent) => void;
  testid?: string;
}

/** Where rows begin, and which row is where. */
function places(count: number, height: number, low: Props["low"]) {
  const rows = low?.rows ?? [];
  const less = low ? height - low.height : 0;
  const before = (at: number): number => {
    let [from, to] = [0, rows.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((rows[middle] as number) < at) from = middle + 1;
      else to = middle;
    }
    return from;
  };
  const top = (at: number) => at * height - before(at) * less;
  const rowAt = (y: number) => {
    let [from, to] = [0, count];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (top(middle + 1) <= y) from = middle + 1;
      else to = middle;
    }
    return from;
  };
  return { top, rowAt };
}

export function Virtual({ count, height, low, row, label, columns, cursor, follows, role = "table", onKeyDown, testid }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [[from, to], setRange] = useState<[number, number]>([0, 60]);
  const place = useMemo(() => places(count, height, low), [count, height, low]);
  const latest = useRef(place);
  latest.current = place;
  const look = () => {
    const element = box.current;
    if (!element) return;
    const { rowAt } = latest.current;
    const first = Math.max(0, rowAt(element.scrollTop) - AROUND);
    const last = rowAt(element.scrollTop + element.clientHeight) + 1 + AROUND;
    setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
  };
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, [height]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || cursor === undefined || cursor < 0) return;
    const head = columns ? 33 : 0;
    const top = place.top(cursor);
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + height + head > element.scrollTop + element.clientHeight) element.scrollTop = top + height + head - element.clientHeight;
  }, [cursor, height]);
  useLayoutEffect(() => {
    const element = box.current;
    if (follows && element) element.scrollTop = element.scrollHeight;
    look();
  }, [place, follows]);
  const last = Math.min(to, count);
  const rows = [];
  for (let at = from; at < last; at += 1) rows.push(row(at));
  return (
    <div
      ref={box}
      class="virtual"
      role={role}
      aria-label={label}
      aria-rowcount={role === "table" ? count + (columns ? 1 : 0) : undefined}
      tabIndex={0}
      onScroll={look}
      onKeyDown={onKeyDown}
      data-testid={testid}
    >
      {columns}
      <div class="space" role={role === "table" ? "rowgroup" : "presentation"} style={{ height: `${place.top(count)}px` }}>
        <div role="presentation" class="seen" style={{ transform: `translateY(${place.top(Math.min(from, count))}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
