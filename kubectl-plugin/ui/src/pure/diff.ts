// A difference, grouped: many resources with the same change are one group, the rest one by one.

import type { Diff, FieldChange, ResourceDiff } from "../api/types.ts";

export interface Group {
  change: ResourceDiff["change"];
  /** The resources that have it. */
  resources: string[];
  fields: FieldChange[];
}

const ORDER = { removed: 0, changed: 1, added: 2 };

export function groups(diff: Diff): Group[] {
  const found = new Map<string, Group>();
  for (const { resource, change, fields = [] } of diff.changes) {
    // What is there on one side only is told by its name; a group of those says nothing more than its kind.
    const kind = resource.split("/").slice(0, 2).join("/");
    const id = change === "changed" ? JSON.stringify(fields.map(({ path, old, new: now }) => [path, old, now])) : `${change} ${kind}`;
    const group = found.get(id);
    if (group) group.resources.push(resource);
    else found.set(id, { change, resources: [resource], fields });
  }
  return [...found.values()].sort((one, other) => ORDER[one.change] - ORDER[other.change] || other.resources.length - one.resources.length);
}

export function counts(diff: Diff): Record<ResourceDiff["change"], number> {
  const found = { added: 0, removed: 0, changed: 0 };
  for (const { change } of diff.changes) found[change] += 1;
  return found;
}
