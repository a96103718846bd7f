//! Transforms of medical volumes, fixed or random, each declared once.
