"""What the core needs from the outside, as protocols named by role; adapters fulfil them."""
