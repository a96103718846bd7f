//! Python bindings of medoxide.
