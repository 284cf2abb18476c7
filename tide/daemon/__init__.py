"""When to look: the timer, the wake-ups, the loop, and the way down."""
