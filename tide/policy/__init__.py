"""Pure rules: what was read goes in, what to do and why comes out."""
