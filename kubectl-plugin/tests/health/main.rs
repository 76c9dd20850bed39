//! Health against what others say of the same objects: the cases that Argo CD tests its own checks with.

mod builtin;
mod cases;
mod disagreements;
