//! Health against what others say of the same objects: the cases that Argo CD tests its own checks with; and checks that
//! users write, in the sandbox that they run in, also those that try to get out of it.

#[path = "../support/corpus.rs"]
#[allow(dead_code, reason = "each test program uses a part of this")]
mod corpus;

mod attempts;
mod builtin;
mod cases;
mod disagreements;
mod examples;
mod scripts;
mod world;
