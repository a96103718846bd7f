//! The nouns of medoxide: grids, volumes, samples, keys, transforms, steps.
