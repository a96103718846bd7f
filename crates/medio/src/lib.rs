//! Reads and writes medical volumes: NIfTI, whole or by region.
