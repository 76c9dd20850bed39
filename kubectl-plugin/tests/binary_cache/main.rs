//! The binary cache as users have it: what one machine compiled and signed, another does not compile. In a folder and in a
//! registry; written to by people who mean harm, and dead. Whatever is there, what is compiled is always the same.

mod folder;
mod harm;
mod registry;
mod world;
