//! Signatures of bundles: made here and verified here, made by cosign and verified here, made here and verified by cosign; and
//! that nothing else will do: another key, other content, another bundle, a bit changed anywhere.

mod cosign;
mod forged;
mod origin;
mod shop;
mod signed;
