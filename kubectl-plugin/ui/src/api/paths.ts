// Where things are.

/** An Application, by namespace and name. */
export interface AppId {
  namespace: string;
  name: string;
}

export const api = {
  session: "/api/v1/session",
  user: "/api/v1/session/userinfo",
  settings: "/api/v1/settings",
  rows: "/api/gitops/v1/applications",
  rowEvents: "/api/gitops/v1/stream/applications",
  projects: "/api/v1/projects",
  clusters: "/api/v1/clusters",
  repositories: "/api/v1/repositories",
  app: ({ name }: AppId, rest = "") => `/api/v1/applications/${encodeURIComponent(name)}${rest}`,
  ours: ({ name }: AppId, rest = "") => `/api/gitops/v1/applications/${encodeURIComponent(name)}${rest}`,
  appEvents: "/api/v1/stream/applications",
  tree: ({ name }: AppId) => `/api/v1/stream/applications/${encodeURIComponent(name)}/resource-tree`,
  progress: ({ name }: AppId) => `/api/gitops/v1/stream/applications/${encodeURIComponent(name)}/progress`,
};

/** Where a browser signs in at the issuer, to come back here. */
export function loginPath(back: string): string {
  // The server takes no quotes in an address.
  return `/auth/login?return_url=${encodeURIComponent(back.replaceAll("'", "%27"))}`;
}
export const LOGOUT = "/auth/logout";

export function appPath({ namespace, name }: AppId, tab = "", query = ""): string {
  const path = `/applications/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  return `${path}${tab ? `/${tab}` : ""}${query ? `?${query}` : ""}`;
}
