//! Policies: who must have signed what, and that nothing else will do.

use serde_json::json;

use super::super::digest;
use super::super::provenance::{Builder, ExternalParameters, PROVENANCE, Provenance, ProvenanceSource, Target};
use super::super::reviewed::REVIEW;
use super::super::statement::SIGNATURE;
use super::*;
use crate::app::Source;
use crate::canon::Id;

const POLICY: &str = "\
keys: {anna: A, bob: B}
identities:
  ci: {issuer: 'https://ci.example.com', subject: 'https://git.example.com/shop/*', trustedRoot: root.json}
rules:
- applications: [shop, 'shop-*']
  signers: [anna, bob, ci]
  threshold: 2
- applications: [shop]
  clusters: [prod]
  statement: provenance
  signers: [ci]
  repositories: [https://git.example.com/shop.git]
  builders: [https://ci.example.com]
- applications: [billing]
  statement: review
  signers: [anna, bob]
";

fn policy() -> TrustPolicy {
    TrustPolicy::read("trust.yaml", POLICY.as_bytes()).expect("a policy")
}

fn name(text: &str) -> AppName {
    text.parse().expect("a name")
}

fn said(signer: &str, predicate_type: &str, predicate: serde_json::Value) -> Vouched {
    let statement = Statement::new(&name("shop"), &digest(b"m"), Id::of(b"g"), predicate_type, predicate);
    Vouched { signers: BTreeSet::from([signer.to_owned()]), certificate: None, statement }
}

fn signed(signer: &str) -> Vouched {
    said(signer, SIGNATURE, json!({}))
}

fn built(signer: &str, repositories: &[&str], builder: &str) -> Vouched {
    let source = |url: &&str| {
        let source = Source { repo_url: (*url).to_owned(), ..Source::default() };
        ProvenanceSource::new(&source, None, None)
    };
    let sources = repositories.iter().map(source).collect();
    let external = ExternalParameters { application: name("shop"), sources, target: Target::default() };
    let builder = Builder { id: builder.to_owned(), version: BTreeMap::new() };
    let provenance = Provenance::new(external, BTreeMap::new(), Vec::new(), builder, None);
    said(signer, PROVENANCE, provenance.predicate())
}

fn refused(application: &str, cluster: &str, vouched: &[Vouched]) -> Vec<String> {
    let unmet = policy().judge(&name(application), Some(cluster), vouched).err().unwrap_or_default();
    unmet.iter().map(ToString::to_string).collect()
}

#[test]
fn so_many_must_have_signed_and_each_counts_once() {
    assert!(refused("shop-test", "test", &[signed("anna"), signed("bob")]).is_empty());
    assert!(refused("shop-test", "test", &[signed("anna"), said("ci", PROVENANCE, json!({}))]).is_empty());
    assert_eq!(
        refused("shop-test", "test", &[signed("anna"), signed("anna")]),
        ["rule 1 wants a signature or provenance by 2 of anna, bob, ci; there is one by anna"]
    );
    assert_eq!(
        refused("shop-test", "test", &[]),
        ["rule 1 wants a signature or provenance by 2 of anna, bob, ci; there is none"]
    );
    assert_eq!(refused("shop-test", "test", &[signed("anna"), signed("mallory")]).len(), 1);
}

#[test]
fn what_no_rule_is_for_is_refused() {
    let all = [signed("anna"), signed("bob"), signed("ci")];
    assert_eq!(refused("other", "test", &all), ["no rule is for this application on this cluster"]);
}

#[test]
fn every_rule_of_a_cluster_must_be_met() {
    let people = [signed("anna"), signed("bob")];
    assert!(refused("shop", "test", &people).is_empty());
    assert_eq!(refused("shop", "prod", &people), ["rule 2 wants a provenance by 1 of ci; there is none"]);
    let unknown = policy().judge(&name("shop"), None, &people).expect_err("refused");
    assert_eq!(unknown.len(), 1, "what may go anywhere must be good for all");
    let good = built("ci", &["https://git.example.com/shop"], "https://ci.example.com");
    assert!(refused("shop", "prod", &[people.to_vec(), vec![good]].concat()).is_empty());
}

#[test]
fn a_provenance_is_of_the_right_place() {
    let people = [signed("anna"), signed("bob")];
    let refused = |provenance: Vouched| refused("shop", "prod", &[people.to_vec(), vec![provenance]].concat()).concat();
    let (here, ci) = ("https://git.example.com/shop.git", "https://ci.example.com");
    assert_eq!(refused(built("ci", &[here], ci)), "");
    assert!(
        refused(built("ci", &[here, "https://example.com/x"], ci)).contains("a source is of https://example.com/x")
    );
    assert!(refused(built("ci", &["/home/x"], ci)).contains("a repository without an address"));
    assert!(refused(built("ci", &[], ci)).contains("it tells no source"));
    assert!(refused(built("ci", &[here], "https://example.com")).contains("it was built by"));
    assert!(refused(said("ci", PROVENANCE, json!({"buildDefinition": {}}))).contains("not of a build of this program"));
    assert!(refused(built("anna", &[here], ci)).contains("there is none"), "another key says nothing here");
}

#[test]
fn only_what_a_rule_wants_counts() {
    assert_eq!(
        refused("billing", "prod", &[signed("anna")]),
        ["rule 3 wants a review by 1 of anna, bob; there is none"]
    );
    assert!(refused("billing", "prod", &[said("bob", REVIEW, json!({}))]).is_empty());
    let scanned = said("anna", "https://example.com/vulnerabilities/v1", json!({}));
    let reviewed = said("bob", REVIEW, json!({}));
    assert_eq!(refused("shop", "test", &[scanned, reviewed]).len(), 1, "neither agrees to it");
}

#[test]
fn policies_that_say_nothing_useful_are_refused() {
    let refused = |from: &str, to: &str| {
        assert!(POLICY.contains(from), "{from}");
        let text = POLICY.replacen(from, to, 1);
        TrustPolicy::read("trust.yaml", text.as_bytes()).expect_err("refused").to_string()
    };
    assert!(
        refused("ci]\n  threshold", "dora]\n  threshold").contains("rule 1: no key and no identity is called `dora`")
    );
    assert!(refused("bob, ci]", "bob, bob]").contains("rule 1: it names a signer twice"));
    assert!(refused("threshold: 2", "threshold: 4").contains("rule 1: 4 must sign, and 3 may"));
    assert!(refused("threshold: 2", "threshold: 0").contains("trust.yaml:"));
    assert!(refused("threshold: 2", "treshold: 2").contains("unknown field"));
    assert!(refused("[shop, 'shop-*']", "[]").contains("rule 1: it is for no application"));
    assert!(refused("  statement: provenance\n", "").contains("rule 2: repositories and builders"));
    assert!(TrustPolicy::read("t", b"keys: {}\nrules: []\n").is_err());
    assert!(refused("ci: {", "anna: {").contains("a key and an identity are both called `anna`"));
    assert!(refused("subject: 'https", "subject: '{https").contains("is not a pattern"));
    assert!(refused(", trustedRoot: root.json", "").contains("missing field `trustedRoot`"));
    let keys = BTreeMap::from([("a".to_owned(), "A".to_owned())]);
    let two = NonZeroUsize::new(2).expect("two");
    assert!(TrustPolicy::of_signers(keys, BTreeMap::new(), two).is_err());
}

/// The globs of two identities may fit one that signed: that is one signature, not two.
#[test]
fn a_signature_counts_for_one_signer() {
    let fits =
        |names: &[&str]| Vouched { signers: names.iter().map(|name| (*name).to_owned()).collect(), ..signed("nobody") };
    assert_eq!(refused("shop-test", "test", &[fits(&["anna", "bob"])]).len(), 1);
    assert_eq!(refused("shop-test", "test", &[fits(&["anna", "bob"]), fits(&["anna", "bob"])]).len(), 1);
    assert!(refused("shop-test", "test", &[fits(&["anna", "bob"]), fits(&["bob"])]).is_empty());
    let reviewed =
        Vouched { signers: BTreeSet::from(["bob".into(), "ci".into()]), ..said("nobody", REVIEW, json!({})) };
    assert!(
        refused("billing", "prod", &[reviewed]).is_empty(),
        "the one that the rule does not name takes nothing away"
    );
}
