//! Private keys as cosign keeps them: JSON in PEM, encrypted with XSalsa20-Poly1305 under a key that scrypt makes of a password.
//!
//! In: the JSON, the password. Out: PKCS #8. What the file demands of scrypt is one of three known settings: a file cannot ask
//! for more memory than they do (128 MiB).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::key::KeyError;

/// The settings of scrypt that cosign has had: N, of which this is the logarithm, with r = 8 and p = 1.
const COSTS: [(u64, u8); 3] = [(1 << 15, 15), (1 << 16, 16), (1 << 17, 17)];
const BLOCK: u32 = 8;
const LANES: u32 = 1;
const NONCE: usize = 24;

#[derive(Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Costs,
    salt: String,
}

#[derive(Deserialize)]
struct Costs {
    #[serde(rename = "N")]
    cost: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Decrypts a key.
///
/// # Errors
/// Where it is none, or the password is another.
pub(super) fn decrypted(bytes: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let form = || KeyError::new("it is not encrypted as cosign does it");
    let read: Encrypted = serde_json::from_slice(bytes).map_err(|_| form())?;
    let Costs { cost, r, p } = read.kdf.params;
    let logarithm = COSTS.iter().find(|(known, _)| *known == cost && r == BLOCK && p == LANES);
    let Some((_, logarithm)) = logarithm.filter(|_| read.kdf.name == "scrypt" && read.cipher.name == "nacl/secretbox")
    else {
        return Err(form());
    };
    let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| form());
    let (salt, nonce, ciphertext) = (decode(&read.kdf.salt)?, decode(&read.cipher.nonce)?, decode(&read.ciphertext)?);
    if nonce.len() != NONCE {
        return Err(form());
    }
    let settings = scrypt::Params::new(*logarithm, BLOCK, LANES, 32).map_err(|_| form())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, &salt, &settings, key.as_mut()).map_err(|_| form())?;
    let cipher = XSalsa20Poly1305::new(Key::from_slice(key.as_ref()));
    let opened = cipher.decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice());
    opened.map(Zeroizing::new).map_err(|_| KeyError::new("the password is not that of the key"))
}
