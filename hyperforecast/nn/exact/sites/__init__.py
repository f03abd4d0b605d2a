"""Sites that share sums, and no rows."""
