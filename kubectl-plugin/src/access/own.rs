//! Whoever runs this process, and nobody else: for a server on one's own machine.
//!
//! In: what the API server says of one's own credentials. Out: two secrets: a word, which signs in once, and a token of this
//! process, which whoever signed in by it has from then on, until they sign out. Neither is good anywhere else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::person::Person;

/// Whoever runs this process.
pub(super) struct Own {
    person: Arc<Person>,
    /// Gone when it was used.
    word: Mutex<Option<Zeroizing<String>>>,
    /// Gone when they signed out.
    token: Mutex<Option<Zeroizing<String>>>,
}

impl Own {
    /// With new secrets. Also gives the word.
    pub(super) fn new(person: Person) -> Result<(Self, Zeroizing<String>), getrandom::Error> {
        let (word, token) = (random()?, random()?);
        let own =
            Self { person: Arc::new(person), word: Mutex::new(Some(word.clone())), token: Mutex::new(Some(token)) };
        Ok((own, word))
    }

    /// What a session of somebody keeps who signs in with this: the token for the word, which is used up by that.
    pub(super) fn exchange(&self, shown: &str) -> Zeroizing<String> {
        let mut word = lock(&self.word);
        if let Some(token) =
            lock(&self.token).clone().filter(|_| word.as_ref().is_some_and(|word| is_same(word, shown)))
        {
            *word = None;
            return token;
        }
        // What is no word may be the token already; a word is never one.
        Zeroizing::new(shown.to_owned())
    }

    /// Whose token this is.
    pub(super) fn who(&self, token: &str) -> Option<Arc<Person>> {
        let is_token = lock(&self.token).as_ref().is_some_and(|known| is_same(known, token));
        is_token.then(|| Arc::clone(&self.person))
    }

    /// Nobody has the token any more.
    pub(super) fn end(&self) {
        *lock(&self.token) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is whole before the next begins.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn random() -> Result<Zeroizing<String>, getrandom::Error> {
    use std::fmt::Write as _;
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in bytes.iter() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_good_once_and_no_token() {
        let review = serde_json::json!({"status": {"authenticated": true, "user": {"username": "anna"}}});
        let (own, word) = Own::new(Person::of(&review).expect("somebody")).expect("random numbers");
        assert!(word.len() == 64 && own.who(&word).is_none(), "a word signs in and does nothing else");
        assert_eq!(*own.exchange("guessed"), "guessed", "what is wrong uses nothing up");
        let token = own.exchange(&word);
        assert!(*token != *word && own.who(&token).is_some_and(|person| person.name == "anna"));
        assert_eq!(*own.exchange(&word), *word, "it is used up");
        assert!(own.who("").is_none() && own.who(&token[1..]).is_none());
        own.end();
        assert!(own.who(&token).is_none() && own.who(&word).is_none() && own.who("").is_none(), "they signed out");
    }
}
