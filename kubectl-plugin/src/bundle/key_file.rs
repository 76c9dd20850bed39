//! Keys in files that the user names.
//!
//! In: paths. Out: keys, or an error that says which file it is and shows nothing of it. The password of a private key that cosign
//! has encrypted is where cosign looks for it.

use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::CommandError;

use super::key::{KeyError, PrivateKey, PublicKey};
use super::trust::text_of;

/// Where the password of a key stands that cosign has encrypted.
const PASSWORD: &str = "COSIGN_PASSWORD";

/// The private key in a file.
///
/// # Errors
/// Where it cannot be read, or is none that can be used.
pub fn private_key(path: &Path) -> Result<PrivateKey, CommandError> {
    let text = Zeroizing::new(text_of(path)?);
    PrivateKey::read(&text, password).map_err(|error| unusable_key(path, &error))
}

/// The public keys in a file: one, or several.
///
/// # Errors
/// Where it cannot be read, has none, or has something else.
pub fn public_keys(path: &Path) -> Result<Vec<PublicKey>, CommandError> {
    PublicKey::read_all(&text_of(path)?).map_err(|error| unusable_key(path, &error))
}

/// What is said where the key in a file cannot do what it should.
#[must_use]
pub fn unusable_key(path: &Path, error: &KeyError) -> CommandError {
    CommandError::user(format!("the key {} cannot be used: {error}", path.display()))
}

fn password() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let missing = || KeyError::new(format!("it is encrypted, and {PASSWORD} is not set"));
    let password = std::env::var_os(PASSWORD).ok_or_else(missing)?;
    Ok(Zeroizing::new(password.into_vec()))
}
