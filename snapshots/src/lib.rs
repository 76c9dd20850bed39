//! Golden transcripts of the demo and of the commands, in `tests`; there is no code here.
