"""What `tide` speaks to: one folder per outside system, named by it."""
