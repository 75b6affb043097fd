"""Wake due threads, schedule polls, and publish metrics every minute."""
