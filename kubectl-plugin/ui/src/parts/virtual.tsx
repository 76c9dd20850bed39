// A list of any length: only the rows that are seen are in the page. All rows have one height.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const AROUND = 8;

interface Props {
  count: number;
  height: number;
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

export function Virtual({ count, height, row, label, columns, cursor, follows, role = "table", onKeyDown, testid }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [[from, to], setRange] = useState<[number, number]>([0, 60]);
  const look = () => {
    const element = box.current;
    if (!element) return;
    const first = Math.max(0, Math.floor(element.scrollTop / height) - AROUND);
    const last = Math.ceil((element.scrollTop + element.clientHeight) / height) + AROUND;
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
    const top = cursor * height;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + height + head > element.scrollTop + element.clientHeight) element.scrollTop = top + height + head - element.clientHeight;
  }, [cursor, height]);
  useLayoutEffect(() => {
    const element = box.current;
    if (follows && element) element.scrollTop = element.scrollHeight;
    look();
  }, [count, follows]);
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
      <div class="space" role={role === "table" ? "rowgroup" : "presentation"} style={{ height: `${count * height}px` }}>
        <div role="presentation" class="seen" style={{ transform: `translateY(${from * height}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
