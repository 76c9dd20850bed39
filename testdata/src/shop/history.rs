//! What happens to the shop after it was opened: commits as every team makes them.
//!
//! In: nothing. Out: [`Commit`]s, to be made in this order with [`Shop::commit`](super::Shop::commit).

/// One commit after the first.
#[derive(Debug)]
pub struct Commit {
    /// The message.
    pub subject: &'static str,
    /// What it does, in words.
    pub story: &'static str,
    pub(super) edits: &'static [Edit],
}

/// A change of one file.
#[derive(Debug)]
pub(super) enum Edit {
    /// Replaces text that is there exactly once.
    Replace { path: &'static str, old: &'static str, new: &'static str },
    /// Removes the file.
    Remove { path: &'static str },
}

/// A new image of the cart.
pub const FIX: &Commit = &Commit {
    subject: "cart 1.4.1: round discounts down",
    story: "a new image of the cart",
    edits: &[Edit::Replace { path: CART, old: CART_1_4_0, new: CART_1_4_1 }],
};

/// A changed value of a `ConfigMap`.
pub const PAGE_SIZE: &Commit = &Commit {
    subject: "catalog: 24 products a page",
    story: "one value in a ConfigMap",
    edits: &[Edit::Replace { path: "deploy/catalog.yaml", old: "pageSize: 12", new: "pageSize: 24" }],
};

/// A service that goes, and the one setting that named it.
pub const RETIREMENT: &Commit = &Commit {
    subject: "Retire the recommendations",
    story: "a service goes: its manifests, and the setting of the storefront that named it",
    edits: &[
        Edit::Remove { path: "deploy/recommendations.yaml" },
        Edit::Replace {
            path: "deploy/storefront.yaml",
            old: "  RECOMMENDATIONS_URL: http://recommendations\n",
            new: "",
        },
    ],
};

/// A release candidate of the cart whose image nobody pushed. The label has the local cluster, which pulls no images,
/// play what a kubelet would find.
pub const CANDIDATE: &Commit = &Commit {
    subject: "cart 1.5.0-rc.1: try the new prices",
    story: "a release candidate whose image nobody has pushed (a label tells clusters that pull no images)",
    edits: &[
        Edit::Replace { path: CART, old: CART_1_4_1, new: CART_1_5_0_RC_1 },
        Edit::Replace { path: CART, old: POD_LABELS, new: FAILING_POD_LABELS },
    ],
};

/// All of them, in order.
pub const ALL: [&Commit; 4] = [FIX, PAGE_SIZE, RETIREMENT, CANDIDATE];

const CART: &str = "deploy/cart.yaml";
const CART_1_4_0: &str = "registry.example.com/shop/cart:1.4.0";
const CART_1_4_1: &str = "registry.example.com/shop/cart:1.4.1";
const CART_1_5_0_RC_1: &str = "registry.example.com/shop/cart:1.5.0-rc.1";
const POD_LABELS: &str = "
        app.kubernetes.io/part-of: shop
    spec:
";
const FAILING_POD_LABELS: &str = "
        app.kubernetes.io/part-of: shop
        testdata.kubectl-gitops/fail: image-pull
    spec:
";
