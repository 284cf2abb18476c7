"""Who acts, and when to look: leadership, the timer, the wake-ups, the hints, the loop, and the way down."""
