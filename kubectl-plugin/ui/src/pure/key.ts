// Names of objects: `group/Kind/namespace/name` as the API writes it, and as people speak of them.

export interface Key {
  group: string;
  kind: string;
  /** Empty where the kind has none; `.` where none is named. */
  namespace: string;
  name: string;
}

/** Reads a key; whatever it is, something comes of it. */
export function readKey(text: string): Key {
  const [group = "", kind = "", namespace = "", ...rest] = text.split("/");
  return { group, kind, namespace, name: rest.join("/") };
}

export function writeKey({ group, kind, namespace, name }: Key): string {
  return `${group}/${kind}/${namespace}/${name}`;
}

/** Kinds of Kubernetes' own that are in no namespace. */
const CLUSTER_WIDE = new Set(
  (
    "/Namespace /Node /PersistentVolume rbac.authorization.k8s.io/ClusterRole rbac.authorization.k8s.io/ClusterRoleBinding " +
    "apiextensions.k8s.io/CustomResourceDefinition storage.k8s.io/StorageClass storage.k8s.io/CSIDriver " +
    "scheduling.k8s.io/PriorityClass networking.k8s.io/IngressClass node.k8s.io/RuntimeClass " +
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration admissionregistration.k8s.io/MutatingWebhookConfiguration " +
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding " +
    "apiregistration.k8s.io/APIService"
  ).split(" "),
);

/** A key whose namespace is known: `.` becomes the destination's. `wide` names more kinds that are in no namespace. */
export function bind(key: Key, destination: string, wide: ReadonlySet<string> = new Set()): Key {
  const kind = `${key.group}/${key.kind}`;
  if (CLUSTER_WIDE.has(kind) || wide.has(kind)) return { ...key, namespace: "" };
  return key.namespace === "." ? { ...key, namespace: destination } : key;
}

/** Whether two keys name one object, where one of them may not say its namespace. */
export function isSame(one: Key, other: Key): boolean {
  const isOpen = one.namespace === "." || other.namespace === ".";
  return (
    one.group === other.group &&
    one.kind === other.kind &&
    one.name === other.name &&
    (isOpen || one.namespace === other.namespace)
  );
}

/** As people speak of it: `Deployment shop/cart`. */
export function spoken(key: Key): string {
  const { kind, namespace, name } = key;
  return `${kind} ${namespace && namespace !== "." ? `${namespace}/` : ""}${name}`;
}
