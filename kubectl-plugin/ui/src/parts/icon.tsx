// Small drawings. All of them say nothing to screen readers: a word stands beside each, or a label.

import type { Shape } from "../pure/words.ts";

const PATHS = {
  apps: "M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z",
  activity: "M1.5 8h3l2-5 3 10 2-5h3",
  repositories: "M4 13.5h8.5v-11h-8a1.5 1.5 0 0 0-1.5 1.5v8.5a1.5 1.5 0 0 0 1.5 1.5M3 11.5a1.5 1.5 0 0 1 1.5-1h8",
  clusters: "M8 1.5l5.5 3.2v6.6L8 14.5l-5.5-3.2V4.7zM2.5 4.7L8 8l5.5-3.3M8 8v6.5",
  projects: "M1.5 4.5a1 1 0 0 1 1-1h3.5l1.5 1.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1z",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14",
  user: "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8zM2.8 13.6a5.3 5.3 0 0 1 10.4 0",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  sync: "M13.5 8a5.5 5.5 0 0 1-9.8 3.4M2.5 8a5.5 5.5 0 0 1 9.8-3.4M12.6 1.8v3h-3M3.4 14.2v-3h3",
  refresh: "M13.5 3v3.5H10M13 6.5A5.5 5.5 0 1 0 13.5 9",
  rollback: "M2.5 6.5h7a4 4 0 0 1 0 8H6M5.5 3.5l-3 3 3 3",
  hold: "M5.5 3v10M10.5 3v10",
  play: "M4.5 2.8v10.4L13 8z",
  more: "M3.2 8h.01M8 8h.01M12.8 8h.01",
  chevron: "M6 3.5L10.5 8 6 12.5",
  down: "M3.5 6L8 10.5 12.5 6",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  list: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
  graph: "M3.5 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM3.5 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM12.5 9.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM5 4c4 0 2.500 4 6 4M5 12c4 0 2.500-4 6-4",
  wide: "M9.500 2.500h4V6.500M13.500 2.500L9 7M6.500 13.500h-4V9.500M2.500 13.500L7 9",
  copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
  external: "M9 2.500h4.500V7M13.500 2.500L7.500 8.500M11.500 9.500v4h-9v-9h4",
  commit: "M8 10.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM1.500 8H5.500M10.500 8h4",
  stop: "M4 4h8v8H4z",
  arrow: "M2.500 8h11M9.500 4l4 4-4 4",
  fold: "M8 1.500v4.500M5.500 4L8 6.500 10.500 4M8 14.500V10M5.500 12L8 9.500l2.500 2.500M2.500 8h11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

const SHAPES: Record<Shape, string> = {
  check: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.300 8.200l1.900 1.900 3.500-4",
  ring: "M8 2a6 6 0 1 1-6 6",
  differs: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.200 6.800h5.600M5.200 9.300h5.600",
  alert: "M8 2.200L14.300 13.300H1.700zM8 6.500v3M8 11.300h.01",
  pause: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.500 6v4M9.500 6v4",
  absent: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM4 12L12 4",
  unknown: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.300 6.500a1.700 1.700 0 1 1 2.400 1.500c-.5.300-.7.600-.7 1.200M8 11h.01",
  dot: "M8 9.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3z",
};

export function Mark({ shape, size = 14 }: { shape: Shape; size?: number }) {
  return (
    <svg class="icon mark" viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
      <path d={SHAPES[shape]} />
    </svg>
  );
}

export { SHAPES };
