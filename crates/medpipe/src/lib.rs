//! Plans and runs chains of transforms in one pass over a volume.
