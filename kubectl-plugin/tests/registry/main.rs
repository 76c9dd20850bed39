//! Bundles in registries on the loopback interface: that of go-containerregistry with and without the referrers API, Debian's
//! docker-registry with a file of passwords, and registries that lie, break and hang. What is pulled is what was pushed, to the
//! byte, with what is said about it; or nothing is written. What is verified there is written nowhere, nor what a policy refuses.

mod about;
mod comparing;
mod hostile;
mod logins;
mod pushing;
mod trusted;
mod world;
