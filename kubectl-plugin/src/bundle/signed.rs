//! Signatures of a bundle: made, and looked at.
//!
//! In: a bundle that was read, or a release and what its record keeps of one; a key to sign with, or those whose signatures count.
//! Out: a signed statement, to be put beside the bundle; of each signature that is there, whose it is and whether it is good; and
//! signatures as a record keeps them. Nothing of a statement is looked at before its signature is found good.

use std::collections::BTreeSet;
use std::fmt;

use gitops_compiler::bundle::{
    Claim, Envelope, Read, Referrer, SIGSTORE_BUNDLE, Statement, StatementKind, Vouched, digest,
};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::lock::Digest;
use gitops_compiler::name::AppName;

use crate::health::printable;
use crate::record::pack::{self, PackError, Packed};

use super::key::{KeyError, PrivateKey};
use super::signers::{self, Signers};

/// A signature that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What was said, or why it does not count.
    pub judged: Result<Vouched, String>,
}

/// Signs a statement.
///
/// # Errors
/// Where the system has no random numbers.
pub fn sign(statement: &Statement, key: &PrivateKey) -> Result<Claim, KeyError> {
    let payload = statement.bytes();
    let signature = key.sign(&Envelope::signed_bytes(&payload))?;
    Ok(Envelope { payload, signature }.claim(&key.public().hint(), &statement.predicate_type))
}

/// What is signed, and the signatures that are there, each with the digest that it is told by.
#[derive(Debug, Clone)]
pub struct Signed<'a> {
    what: What,
    manifest: &'a Digest,
    graph: Id<Graph>,
    signatures: Vec<(Digest, Result<&'a [u8], String>)>,
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A bundle that was read: its manifest says which graph it is of.
    Bundle,
    /// A release, of which the graph is at hand and not the manifest: signatures themselves must say which graph they are of.
    Release(u64),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle => f.write_str("the bundle"),
            Self::Release(number) => write!(f, "release {number}"),
        }
    }
}

impl<'a> Signed<'a> {
    /// A bundle that was read, and the signatures beside it.
    #[must_use]
    pub fn of_bundle(read: &'a Read) -> Self {
        let referrers = read.referrers.iter().filter(|referrer| referrer.artifact_type == SIGSTORE_BUNDLE);
        let signatures = referrers.map(|referrer| (referrer.digest.clone(), content(referrer))).collect();
        Self { what: What::Bundle, manifest: &read.manifest, graph: read.bundle.graph.id(), signatures }
    }

    /// A release that was applied from the bundle with this manifest, and the signatures that its record keeps. The graph is
    /// one that was hashed; all else anybody who can write the record may have written.
    #[must_use]
    pub fn of_release(number: u64, manifest: &'a Digest, graph: Id<Graph>, kept: &'a [String]) -> Self {
        let signatures = kept.iter().map(|text| (digest(text.as_bytes()), Ok(text.as_bytes()))).collect();
        Self { what: What::Release(number), manifest, graph, signatures }
    }

    /// What is signed.
    #[must_use]
    pub fn what(&self) -> What {
        self.what
    }

    /// Looks at all signatures.
    #[must_use]
    pub fn judge(&self, signers: &Signers) -> Vec<Signature> {
        let judge = |(digest, bytes): &(Digest, Result<&[u8], String>)| Signature {
            digest: digest.clone(),
            // Whoever wrote it may have words of theirs in the error.
            judged: bytes.clone().and_then(|bytes| self.judge_one(bytes, signers)).map_err(|why| printable(&why)),
        };
        self.signatures.iter().map(judge).collect()
    }

    /// The applications that it was built for, as those say whose signatures are good.
    #[must_use]
    pub fn applications(&self, signatures: &[Signature]) -> BTreeSet<AppName> {
        let good = signatures.iter().filter_map(|signature| signature.judged.as_ref().ok());
        good.flat_map(|vouched| vouched.statement.applications(self.manifest)).collect()
    }

    fn judge_one(&self, bytes: &[u8], signers: &Signers) -> Result<Vouched, String> {
        let signers::Signature { signers, certificate, payload } = signers.judge(bytes, self.manifest)?;
        let statement = Statement::read(&payload).map_err(|error| error.to_string())?;
        let is_about = match self.what {
            What::Bundle => statement.is_about(self.manifest, self.graph),
            What::Release(_) => statement.is_about_release(self.manifest, self.graph),
        };
        is_about.map_err(|error| error.to_string())?;
        Ok(Vouched { signers, certificate, statement })
    }
}

/// The signature in a manifest that holds one.
fn content(referrer: &Referrer) -> Result<&[u8], String> {
    let [layer] = referrer.layers.as_slice() else {
        return Err(format!("it has {} layers, and a signature has one", referrer.layers.len()));
    };
    if layer.media_type != SIGSTORE_BUNDLE {
        return Err("its layer is no Sigstore bundle".to_owned());
    }
    Ok(&layer.bytes)
}

/// The signatures of a bundle as a release keeps them, those first that are good: whoever may write beside a bundle cannot crowd
/// them out. Also how many have no room.
///
/// # Errors
/// Where they cannot be packed.
pub fn kept(read: &Read, judged: &[Signature]) -> Result<(Packed, usize), PackError> {
    let is_good = |digest: &Digest| judged.iter().any(|it| it.digest == *digest && it.judged.is_ok());
    let signed = Signed::of_bundle(read);
    let (good, others): (Vec<_>, Vec<_>) = signed.signatures.iter().partition(|(digest, _)| is_good(digest));
    // What is no text is no signature.
    let texts = good.into_iter().chain(others).filter_map(|(_, bytes)| std::str::from_utf8(bytes.as_ref().ok()?).ok());
    pack::signatures(texts)
}

/// What a statement says, in a word.
#[must_use]
pub fn said(statement: &Statement) -> String {
    let kind = StatementKind::of(&statement.predicate_type);
    kind.map_or_else(|| super::printable(&statement.predicate_type), |kind| kind.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use gitops_compiler::bundle::{Bundle, Compression, Delivery, SIGNATURE, with_claims};
    use gitops_compiler::graph::ResourceGraph;
    use serde_json::json;

    use super::*;
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;
    use std::path::Path;

    use gitops_compiler::bundle::TrustPolicy;

    fn key() -> PrivateKey {
        let pair = aws_lc_rs::signature::Ed25519KeyPair::generate().expect("a key");
        let text = pem::encode(&pem::Pem::new("PRIVATE KEY", pair.to_pkcs8v1().expect("DER").as_ref()));
        PrivateKey::read(&text, || Err(KeyError::new("no password"))).expect("a key")
    }

    fn signers(all: &[(&str, &PrivateKey)]) -> Signers {
        let keys = all.iter().map(|(name, key)| ((*name).to_owned(), key.public().pem())).collect();
        let policy = TrustPolicy::of_signers(keys, BTreeMap::new(), NonZeroUsize::MIN).expect("a policy");
        Signers::of(&policy, Path::new("")).expect("signers")
    }

    fn bundle() -> Bundle {
        let name = "shop".parse().expect("a name");
        Bundle::build(&name, &ResourceGraph::empty(), Delivery::default(), Compression::Deflate, false)
            .expect("a bundle")
    }

    /// The signature of a bundle by a key, as a record keeps it.
    fn signature(made: &Bundle, key: &PrivateKey) -> String {
        let name = "shop".parse().expect("a name");
        let statement = Statement::new(&name, &made.manifest, made.graph.id(), SIGNATURE, json!({}));
        String::from_utf8(sign(&statement, key).expect("signed").content).expect("text")
    }

    fn why(signature: &Signature) -> &str {
        signature.judged.as_ref().map_or_else(String::as_str, |_| "")
    }

    #[test]
    fn a_release_is_signed_by_what_its_record_keeps() {
        let (made, anna) = (bundle(), key());
        let texts = [signature(&made, &anna)];
        let release = Signed::of_release(3, &made.manifest, made.graph.id(), &texts);
        let judged = release.judge(&signers(&[("anna", &anna)]));
        assert_eq!(judged.len(), 1);
        assert_eq!(judged[0].judged.as_ref().expect("good").signers, BTreeSet::from(["anna".to_owned()]));
        assert_eq!(release.applications(&judged), BTreeSet::from(["shop".parse().expect("a name")]));
        // A policy that has meanwhile lost the key.
        let lost = release.judge(&signers(&[("bob", &key())]));
        assert_eq!(why(&lost[0]), "it is by a key that is not known here");
        assert!(release.applications(&lost).is_empty(), "what nobody vouches for says nothing");
        assert!(
            Signed::of_release(3, &made.manifest, made.graph.id(), &[]).judge(&signers(&[("anna", &anna)])).is_empty()
        );
    }

    #[test]
    fn what_was_altered_in_a_record_does_not_count() {
        let (made, anna) = (bundle(), key());
        let (good, trusted) = (signature(&made, &anna), signers(&[("anna", &anna)]));
        let (manifest, graph) = (&made.manifest, made.graph.id());
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(altered) = String::from_utf8(bytes) else { continue };
            let texts = [altered];
            let judged = Signed::of_release(1, manifest, graph, &texts).judge(&trusted);
            assert!(judged[0].judged.is_err(), "byte {at}: {}", texts[0]);
        }
        let texts = [good];
        let is_good =
            |manifest: &Digest, graph| Signed::of_release(1, manifest, graph, &texts).judge(&trusted)[0].judged.is_ok();
        assert!(is_good(manifest, graph));
        assert!(!is_good(&digest(b"another"), graph), "the signature of another bundle");
        assert!(!is_good(manifest, Id::of(b"another")), "another graph in the place of the one that was signed");
    }

    #[test]
    fn what_names_no_graph_counts_for_a_bundle_and_for_no_release() {
        let (made, anna) = (bundle(), key());
        let name = "shop".parse().expect("a name");
        let mut statement = Statement::new(&name, &made.manifest, made.graph.id(), SIGNATURE, json!({}));
        // As cosign writes it.
        statement.subject.truncate(1);
        let claim = sign(&statement, &anna).expect("signed");
        let texts = [String::from_utf8(claim.content.clone()).expect("text")];
        let trusted = signers(&[("anna", &anna)]);
        let of_release = Signed::of_release(1, &made.manifest, made.graph.id(), &texts).judge(&trusted);
        assert!(why(&of_release[0]).contains("it names no graph"), "{}", why(&of_release[0]));
        let files = with_claims(&made.files, &[claim]).expect("a layout");
        let read = Bundle::read(&files).expect("a bundle");
        assert!(Signed::of_bundle(&read).judge(&trusted)[0].judged.is_ok());
    }

    #[test]
    fn good_signatures_are_kept_whatever_lies_beside_them() {
        let (made, anna) = (bundle(), key());
        let good = signature(&made, &anna);
        let claim = |content: Vec<u8>| Claim {
            artifact_type: SIGSTORE_BUNDLE.to_owned(),
            content,
            annotations: BTreeMap::new(),
        };
        let flood = (0..4).map(|index| claim(vec![b'a' + index; pack::MOST_SIGNATURE_BYTES / 2]));
        let claims: Vec<Claim> = flood.chain([claim(good.clone().into_bytes()), claim(vec![0xff])]).collect();
        let files = with_claims(&made.files, &claims).expect("a layout");
        let read = Bundle::read(&files).expect("a bundle");
        let judged = Signed::of_bundle(&read).judge(&signers(&[("anna", &anna)]));
        let (packed, left_out) = kept(&read, &judged).expect("packed");
        let texts = pack::unpack_signatures(&packed.bytes).expect("unpacked");
        assert_eq!((texts[0].as_str(), texts.len(), left_out), (good.as_str(), 2, 3));
    }
}
