//! Signatures of bundles: made here and verified here, made by cosign and verified here, with keys and without, made here and
//! verified by cosign; and that nothing else will do: another key, other content, another bundle, a bit changed anywhere.

mod beside;
mod cosign;
mod forged;
mod keyless;
mod origin;
mod shop;
mod signed;
