//! The binary cache as users have it: what one machine compiled and signed, another does not compile. In a folder, in a
//! registry and in object storage; written to by people who mean harm, and dead. Whatever is there, what is compiled is always the same.

mod folder;
mod harm;
mod registry;
mod storage;
mod world;
