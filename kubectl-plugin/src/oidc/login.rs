//! A sign-in that has begun: what its browser keeps until it comes back. Pure.
//!
//! In: random bytes, or the cookie of a browser that came back. Out: state, nonce and verifier (RFC 7636, S256), each made from
//! the same 32 random bytes, which only that browser keeps; and the state by the key of this installation, too, so that nobody makes
//! one by themselves. So any replica finishes what another began, nothing is kept here for those who never come back, and whoever
//! learns one of the three learns neither of the others.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::Url;
use zeroize::Zeroizing;

/// How long a sign-in may take, in seconds.
pub(super) const LASTS: i64 = 600;
const RANDOM: usize = 32;
/// No address to go back to is longer.
const LONGEST_BACK: usize = 2000;

const STATE: &str = "kubectl-gitops 2026-11 oidc state";
const NONCE: &str = "kubectl-gitops 2026-11 oidc nonce";
const VERIFIER: &str = "kubectl-gitops 2026-11 oidc verifier";

/// The key that all replicas have, and nobody else.
pub(super) struct StateKey(Zeroizing<[u8; 32]>);

impl StateKey {
    /// Of its bytes; nothing where it has others than 32.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        <[u8; 32]>::try_from(bytes).ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }
}

/// What a browser keeps while it is away.
pub(super) struct Login {
    random: Zeroizing<[u8; RANDOM]>,
    begun: i64,
    back: String,
}

impl Login {
    /// A new one; `back` is where the browser goes at the end.
    pub(super) fn begin(back: &str, now: Timestamp) -> Result<Self, getrandom::Error> {
        let mut random = Zeroizing::new([0; RANDOM]);
        getrandom::fill(random.as_mut_slice())?;
        Ok(Self { random, begun: now.as_second(), back: back.to_owned() })
    }

    /// Of a cookie; nothing where it is none of ours, or too old.
    pub(super) fn read(cookie: &str, now: Timestamp) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (random, begun, back) = (parts.next()?, parts.next()?, parts.next()?);
        let random = Zeroizing::new(BASE64.decode(random).ok()?);
        let random = Zeroizing::new(<[u8; RANDOM]>::try_from(random.as_slice()).ok()?);
        let begun: i64 = begun.parse().ok()?;
        let back = String::from_utf8(BASE64.decode(back).ok()?).ok()?;
        let is_now = (0..=LASTS).contains(&now.as_second().checked_sub(begun)?);
        (is_now && parts.next().is_none() && is_path(&back)).then_some(Self { random, begun, back })
    }

    /// The value of its cookie.
    pub(super) fn cookie(&self) -> Zeroizing<String> {
        let random = Zeroizing::new(BASE64.encode(self.random.as_slice()));
        Zeroizing::new(format!("{}.{}.{}", *random, self.begun, BASE64.encode(&self.back)))
    }

    /// What comes back with the code.
    pub(super) fn state(&self, key: &StateKey) -> String {
        BASE64.encode(blake3::keyed_hash(&key.0, self.derived(STATE).as_bytes()).as_bytes())
    }

    /// Whether this came back.
    pub(super) fn is_state(&self, key: &StateKey, state: &str) -> bool {
        self.state(key).as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// What the token says.
    pub(super) fn nonce(&self) -> String {
        self.derived(NONCE)
    }

    /// What is shown beside the code.
    pub(super) fn verifier(&self) -> Zeroizing<String> {
        Zeroizing::new(self.derived(VERIFIER))
    }

    /// The hash of the verifier, which goes first.
    pub(super) fn challenge(&self) -> String {
        BASE64.encode(Sha256::digest(self.verifier().as_bytes()))
    }

    /// Where the browser goes at the end.
    pub(super) fn back(&self) -> &str {
        &self.back
    }

    fn derived(&self, context: &str) -> String {
        let mut key = Zeroizing::new(blake3::derive_key(context, self.random.as_slice()));
        // What was begun at another time, or for another page, is another sign-in.
        *key = *blake3::keyed_hash(&key, format!("{}.{}", self.begun, self.back).as_bytes()).as_bytes();
        BASE64.encode(key.as_slice())
    }
}

/// The path that a browser goes back to: of this host, whatever somebody wrote into the address. Anything else is `/`.
pub(super) fn back(asked: Option<&str>) -> &str {
    asked.filter(|asked| is_path(asked)).unwrap_or("/")
}

/// Whether a text is a path of this host for every browser. Argo CD's clients send whole addresses, too: those are none.
fn is_path(text: &str) -> bool {
    let base = "https://own.invalid";
    let is_plain = text.len() <= LONGEST_BACK
        && text.starts_with('/')
        && !text.starts_with("//")
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'\'' | b'<' | b'>'));
    let stays = |base: &Url| {
        base.join(text).is_ok_and(|there| there.origin() == base.origin() && !there.path().starts_with("//"))
    };
    is_plain && Url::parse(base).is_ok_and(|base| stays(&base))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn key(byte: u8) -> StateKey {
        StateKey::read(&[byte; 32]).expect("a key")
    }

    #[test]
    fn whoever_comes_back_in_time_goes_on() {
        let login = Login::begin("/applications?a=b", at(1000)).expect("random");
        let again = Login::read(&login.cookie(), at(1000 + LASTS)).expect("the same");
        assert!(again.is_state(&key(1), &login.state(&key(1))) && again.back() == "/applications?a=b");
        assert_eq!((again.nonce(), again.challenge()), (login.nonce(), login.challenge()));
        assert!(Login::read(&login.cookie(), at(1001 + LASTS)).is_none(), "too late");
        assert!(Login::read(&login.cookie(), at(999)).is_none(), "before it began");
        let other = Login::begin("/applications?a=b", at(1000)).expect("random");
        assert!(!other.is_state(&key(1), &login.state(&key(1))) && !login.is_state(&key(1), ""));
        let all = [login.state(&key(1)), login.nonce(), login.verifier().to_string(), login.challenge()];
        assert!(all.iter().all(|one| one.len() == 43 && all.iter().filter(|other| *other == one).count() == 1));
    }

    #[test]
    fn nobody_makes_a_state_without_the_key() {
        let login = Login::begin("/", at(1000)).expect("random");
        let own = [login.derived(STATE), login.state(&key(2))];
        assert!(own.iter().all(|state| !login.is_state(&key(1), state)));
        assert!(StateKey::read(&[1; 31]).is_none() && StateKey::read(&[]).is_none());
    }

    #[test]
    fn a_cookie_that_was_changed_is_another_sign_in() {
        let login = Login::begin("/a", at(1000)).expect("random");
        let (cookie, state) = (login.cookie(), login.state(&key(1)));
        for (from, to) in [(".1000.", ".1001."), ("L2E", "L2I")] {
            let changed = cookie.replace(from, to);
            assert!(changed != *cookie);
            let read = Login::read(&changed, at(1002));
            assert!(read.is_none_or(|read| !read.is_state(&key(1), &state)), "{changed}");
        }
        let elsewhere = BASE64.encode("//evil.example.com");
        for wrong in ["", ".", "..", "a.b.c", &format!("{}.x", *cookie), &cookie.replace("L2E", &elsewhere)] {
            assert!(Login::read(wrong, at(1000)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for good in ["/", "/applications/a?tab=b#c", "/a//b", "/a/../b"] {
            assert_eq!(back(Some(good)), good);
        }
        for evil in [
            "https://evil.example.com/",
            "//evil.example.com",
            "/\\evil.example.com",
            "\\\\evil.example.com",
            "/\t/evil.example.com",
            "/..//evil.example.com",
            "/a\r\nSet-Cookie: b=c",
            "javascript:alert(1)",
            "/\"><script>",
            "evil.example.com",
            "",
        ] {
            assert_eq!(back(Some(evil)), "/", "{evil}");
        }
        assert_eq!((back(None), back(Some(&format!("/{}", "a".repeat(LONGEST_BACK))))), ("/", "/"));
    }
}
